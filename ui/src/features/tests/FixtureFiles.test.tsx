import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { newFake } from "../../ipc/fake";
import type { FixtureFolder } from "../../ipc/gen/FixtureFolder";
import type { Imported } from "../../ipc/gen/Imported";
import { descriptionOf, refuse, show, violations } from "../kit.test-env";
import { TestDialog } from "./TestDialog";

vi.mock("../../parts/CodeMirror", () => ({ default: () => null }));

const BROUGHT: Imported = { added: 2, changed: 0, unchanged: 1, problems: [] };

async function open(own: readonly string[], imported: (from: FixtureFolder) => Imported) {
  const fake = newFake();
  const ask = (name: string) => (args: unknown) => fake.call(name, args) as never;
  for (const name of own) await fake.call("tests.save", { name, body: '{"type":"user.created"}' });
  const shown = await show(<TestDialog endpointId={undefined} onClose={() => {}} />, "/messages", {
    endpoints: { list: ask("endpoints.list") },
    tests: {
      catalogue: ask("tests.catalogue"),
      make: ask("tests.make"),
      send: ask("tests.send"),
      export: ask("tests.export"),
      import: imported,
    },
  });
  await screen.findByText("All of Clerk's");
  await userEvent.click(screen.getByRole("button", { name: "Import or export fixtures…" }));
  const dialog = within(await screen.findByRole("dialog", { name: "Fixtures as files" }));
  const folder = dialog.getByRole("textbox", { name: "Folder" });
  await waitFor(() => expect(folder).toHaveFocus());
  return { ...shown, dialog, folder };
}

describe("fixtures as files", () => {
  it("are exported, and the folder is remembered", async () => {
    const { asked, dialog } = await open(["one", "two"], () => BROUGHT);
    expect(dialog.getByText(/live in a Git repository/)).toBeVisible();
    expect(dialog.getByRole("button", { name: "Import" })).toBeDisabled();
    await userEvent.keyboard("  ~/app/fixtures ");
    await userEvent.click(dialog.getByRole("button", { name: "Export 2 fixtures" }));
    const result = dialog.getByRole("status");
    await waitFor(() => expect(result).toHaveTextContent("Exported 2 fixtures to ~/app/fixtures."));
    expect(asked("tests.export")).toEqual([{ folder: "~/app/fixtures" }]);
    expect(localStorage.getItem("usher.fixtures.folder")).toBe("~/app/fixtures");
    expect(await violations()).toEqual([]);
  });

  it("are imported before there is one, each problem on its line, and the catalogue is read again", async () => {
    localStorage.setItem("usher.fixtures.folder", "~/app/fixtures");
    const problems = ["a.json: Line 1, column 1: it is not JSON.", "b.json: It is not a file."];
    const { asked, dialog, folder } = await open([], () => ({ ...BROUGHT, problems }));
    expect(folder).toHaveValue("~/app/fixtures");
    expect(dialog.getByRole("button", { name: "Export" })).toBeDisabled();
    expect(descriptionOf(folder)).toMatch(/nothing to export yet/);
    const before = asked("tests.catalogue").length;
    await userEvent.click(dialog.getByRole("button", { name: "Import" }));
    expect(await dialog.findByText("2 added, 1 unchanged.")).toBeVisible();
    const lines = dialog.getAllByRole("listitem").map((line) => line.textContent);
    expect(lines).toEqual(problems);
    expect(dialog.getByText("2 files could not be read:")).toBeVisible();
    await waitFor(() => expect(asked("tests.catalogue").length).toBeGreaterThan(before));
    expect(await violations()).toEqual([]);
  });

  it("say when a folder holds none, and at the field when it cannot be read", async () => {
    const empty = { added: 0, changed: 0, unchanged: 0, problems: [] };
    const { dialog, folder } = await open([], (from) =>
      from.folder === "here" ? refuse("invalid", "Name the folder with its full path.") : empty,
    );
    await userEvent.type(folder, "here");
    await userEvent.click(dialog.getByRole("button", { name: "Import" }));
    await waitFor(() => expect(descriptionOf(folder)).toBe("Name the folder with its full path."));
    expect(localStorage.getItem("usher.fixtures.folder")).toBeNull();
    await userEvent.clear(folder);
    await userEvent.type(folder, "/there");
    await userEvent.click(dialog.getByRole("button", { name: "Import" }));
    expect(await dialog.findByText("There is no .json file in this folder.")).toBeVisible();
  });

  it("leave the keys of the dialog behind alone, and Esc closes only them", async () => {
    const { asked, folder } = await open(["one"], () => BROUGHT);
    await userEvent.type(folder, "~/a{Control>}{Enter}{/Control}{Escape}");
    await waitFor(() =>
      expect(screen.queryByRole("dialog", { name: "Fixtures as files" })).toBeNull(),
    );
    expect(screen.getByRole("dialog", { name: "Send test event" })).toBeVisible();
    expect(asked("tests.send")).toEqual([]);
  });
});
