import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { AppStatus } from "../../ipc/gen/AppStatus";
import type { Diagnostics } from "../../ipc/gen/Diagnostics";
import { descriptionOf, ENVIRONMENT, refuse, show, violations } from "../kit.test-env";
import { readPort } from "./ListenerCard";
import { SettingsPage } from "./SettingsPage";

const STATUS: AppStatus = {
  version: "0.1.0",
  dataDir: "/home/ada/.local/share/usher",
  databaseFile: "/home/ada/.local/share/usher/usher.db",
  startedAt: Date.UTC(2026, 10, 20),
  keychain: { kind: "file", sentence: "No keychain answers, so secrets are in a file." },
  listener: {
    state: "failed",
    port: 4870,
    url: "http://127.0.0.1:4870",
    problem: "Port 4870 is taken by node (process 4711).",
    since: Date.UTC(2026, 10, 20),
    restarts: 0,
    lastProblem: null,
    lastProblemAt: null,
  },
  storage: { ok: true, problem: null, since: null, note: null },
};

const DIAGNOSTICS: Diagnostics = {
  limits: [{ name: "Idle connection", value: "15 seconds", reason: "Long enough for a burst." }],
  listener: {
    connections: 3,
    connectionLimit: 256,
    busy: 1,
    served: 1234,
    refused: 5,
    evicted: 0,
    acceptErrors: 0,
  },
  storage: { databaseBytes: 4_812_800, walBytes: 412_000, freeBytes: null },
};

const REPLIES = {
  app: { status: () => STATUS },
  settings: {
    get: () => ({ port: 4870, appearance: "system" as const, bodyLimitMib: 1, notify: false }),
  },
  diagnostics: { show: () => DIAGNOSTICS },
};

describe("the settings", () => {
  it("say plainly what failed and where secrets are, without accessibility violations", async () => {
    await show(<SettingsPage />, "/settings", REPLIES);
    await screen.findByText("Port 4870 is taken by node (process 4711).");
    screen.getByText("File in the data folder");
    expect(await violations()).toEqual([]);
  });

  it("refuse a port that is none before asking, and show the engine's refusal in place", async () => {
    const { asked } = await show(<SettingsPage />, "/settings", {
      ...REPLIES,
      settings: { ...REPLIES.settings, update: () => refuse("conflict", "Port 80 is taken.") },
    });
    const port = await screen.findByLabelText("Port");
    await userEvent.clear(port);
    await userEvent.type(port, "99999{Enter}");
    expect(descriptionOf(port)).toBe("A port is a number from 1 to 65535.");
    expect(asked("settings.update")).toEqual([]);
    await userEvent.clear(port);
    await userEvent.type(port, "80{Enter}");
    await waitFor(() => expect(descriptionOf(port)).toBe("Port 80 is taken."));
    expect(asked("settings.update")).toEqual([{ port: 80 }]);
  });

  it("tell of a listener that was started again, and take a larger message", async () => {
    const listener = {
      ...STATUS.listener,
      state: "listening" as const,
      problem: null,
      restarts: 2,
      lastProblem: "The listener did not answer its own question.",
      lastProblemAt: Date.UTC(2026, 10, 20, 9),
    };
    const { asked } = await show(<SettingsPage />, "/settings", {
      ...REPLIES,
      app: { status: () => ({ ...STATUS, listener }) },
      settings: { ...REPLIES.settings, update: () => refuse("invalid", "At most 10 MiB.") },
    });
    await screen.findByText(/Started again by itself 2 times.*did not answer its own question/);
    await userEvent.click(screen.getByRole("combobox", { name: "Largest message" }));
    await userEvent.click(await screen.findByRole("option", { name: "5 MiB" }));
    await screen.findByText("At most 10 MiB.");
    expect(asked("settings.update")).toEqual([{ bodyLimitMib: 5 }]);
  });

  it("tell of a port that only the command line asked for", async () => {
    await show(<SettingsPage />, "/settings", {
      ...REPLIES,
      app: { status: () => ({ ...STATUS, listener: { ...STATUS.listener, port: 4971 } }) },
    });
    expect(await screen.findByText(/This window was started with/)).toHaveTextContent(
      "This window was started with --port 4971; 4870 counts from the next start without it.",
    );
  });

  it("show what limits the listener and what the doctor finds", async () => {
    const { asked } = await show(<SettingsPage />, "/settings", {
      ...REPLIES,
      diagnostics: {
        ...REPLIES.diagnostics,
        doctor: () => [
          {
            name: "clock",
            verdict: "failed",
            sentence: "This machine's clock is 7 minutes ahead.",
            remedy: "Let the system set it.",
          },
        ],
      },
    });
    await screen.findByText("1,234 answered, 5 refused for their form");
    await userEvent.click(screen.getByText("Limits of the listener, and why"));
    screen.getByRole("row", { name: "Idle connection 15 seconds Long enough for a burst." });
    await userEvent.click(screen.getByRole("button", { name: "Check this machine" }));
    await screen.findByText("This machine's clock is 7 minutes ahead.");
    screen.getByText("Broken");
    screen.getByText("Let the system set it.");
    expect(asked("diagnostics.doctor")).toEqual([{ full: false }]);
    expect(await violations()).toEqual([]);
  });

  it("take the appearance back when saving fails", async () => {
    await show(<SettingsPage />, "/settings", {
      ...REPLIES,
      settings: { ...REPLIES.settings, update: () => refuse("internal", "No.") },
    });
    await userEvent.click(await screen.findByRole("radio", { name: "Dark" }));
    await screen.findByText("No.");
    const system = screen.getByRole<HTMLInputElement>("radio", { name: "As the system" });
    expect(system.checked).toBe(true);
  });

  it("offer to remove an empty environment only, and show what the engine says against it", async () => {
    const { asked } = await show(<SettingsPage />, "/settings", {
      ...REPLIES,
      environments: {
        list: () => [
          ENVIRONMENT,
          { ...ENVIRONMENT, id: 2, name: "Staging", endpoints: 0, contacts: 0 },
        ],
        remove: () => refuse("conflict", "This environment has messages, so it stays."),
      },
    });
    await userEvent.click(await screen.findByRole("button", { name: "Remove Staging" }));
    expect(screen.queryByRole("button", { name: "Remove Development" })).toBeNull();
    await userEvent.click(await screen.findByRole("button", { name: "Remove environment" }));
    await screen.findByText("This environment has messages, so it stays.");
    expect(asked("environments.remove")).toEqual([{ id: 2 }]);
  });

  it("ask before they tell of anything", async () => {
    const { asked } = await show(<SettingsPage />, "/settings", {
      ...REPLIES,
      settings: { ...REPLIES.settings, update: () => refuse("internal", "No.") },
    });
    const choice = await screen.findByRole("switch", {
      name: "Tell me of refused and failed messages",
    });
    expect(choice.getAttribute("aria-checked")).toBe("false");
    await userEvent.click(choice);
    expect(asked("settings.update")).toEqual([{ notify: true }]);
    await screen.findByText("No.");
  });

  it("keep the only environment", async () => {
    await show(<SettingsPage />, "/settings", {
      ...REPLIES,
      environments: { list: () => [{ ...ENVIRONMENT, endpoints: 0, contacts: 0 }] },
    });
    await screen.findByRole("button", { name: "Edit Development" });
    expect(screen.queryByRole("button", { name: "Remove Development" })).toBeNull();
  });
});

test("a port is read from what people type", () => {
  expect([" 4870 ", "1", "65535"].map(readPort)).toEqual([4870, 1, 65535]);
  expect(["", "0", "65536", "48 70", "4e3", "-1", "1.5"].map(readPort)).toEqual(
    Array(7).fill(null),
  );
});
