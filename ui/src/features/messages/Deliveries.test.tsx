import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { DeliveryAttempt } from "../../ipc/gen/DeliveryAttempt";
import type { DeliveryRow } from "../../ipc/gen/DeliveryRow";
import { refuse, show, violations } from "../kit.test-env";
import { Deliveries } from "./Deliveries";

const TRIED: DeliveryAttempt = {
  id: 1,
  at: Date.now() - 60_000,
  tookMs: 41,
  status: 500,
  headers: [{ name: "content-type", value: "text/plain" }],
  body: "TypeError: no email_addresses",
  problem: "Your app answered 500. Its log says why.",
};

const WAITING: DeliveryRow = {
  id: 8,
  messageId: 90,
  forwardId: 3,
  url: "http://localhost:3000/api/webhooks",
  state: "waiting",
  dueAt: Date.now() + 4 * 60_000 + 45_000,
  behindId: null,
  attempts: [TRIED],
};

const deliveries = (rows: DeliveryRow[], retry?: () => DeliveryRow) =>
  show(<Deliveries messageId={90} />, "/messages", {
    forwards: { deliveries: () => rows, ...(retry ? { retry } : {}) },
  });

describe("the deliveries of a message", () => {
  it("says what a forward is when there is none", async () => {
    const { asked } = await deliveries([]);
    await screen.findByText(/This message was not forwarded/);
    expect(screen.getByRole("link", { name: "Open endpoints" })).toHaveAttribute(
      "href",
      "/endpoints",
    );
    expect(asked("forwards.deliveries")).toEqual([{ messageId: 90 }]);
  });

  it("shows each attempt with time, status, latency and problem, the newest first", async () => {
    await deliveries([
      {
        ...WAITING,
        state: "done",
        dueAt: null,
        attempts: [
          TRIED,
          { ...TRIED, id: 2, at: TRIED.at + 5000, status: 200, tookMs: 1500, problem: null },
        ],
      },
    ]);
    const row = await screen.findByRole("listitem", { name: `Delivery to ${WAITING.url}` });
    within(row).getByText("Delivered");
    within(row).getByText("After 2 attempts");
    const list = within(row).getByRole("list", { name: "Attempts, newest first" });
    const [newest, oldest] = within(list).getAllByRole("listitem");
    expect(newest).toHaveTextContent(/^2.*200, delivered1\.5 s/);
    expect(oldest).toHaveTextContent(/^1.*500, failed41 ms.*Its log says why/);
    expect(screen.queryByRole("button", { name: /^Try now/ })).toBeNull();
  });

  it("unfolds the answer by keyboard", async () => {
    await deliveries([WAITING]);
    const toggle = await screen.findByRole("button", { name: "Answer to attempt 1" });
    expect(toggle).toHaveAttribute("aria-expanded", "false");
    expect(screen.queryByText(/no email_addresses/)).toBeNull();
    toggle.focus();
    await userEvent.keyboard("{Enter}");
    expect(toggle).toHaveAttribute("aria-expanded", "true");
    screen.getByText(/no email_addresses/);
    screen.getByText("content-type");
    expect(await violations()).toEqual([]);
  });

  it("says when the next attempt is due, and tries at once when asked", async () => {
    const { asked } = await deliveries([WAITING], () => ({ ...WAITING, state: "done" }));
    const row = await screen.findByRole("listitem", { name: /Delivery to/ });
    expect(row).toHaveTextContent(/Next attempt in 4 min/);
    await userEvent.click(screen.getByRole("button", { name: `Try now: ${WAITING.url}` }));
    await waitFor(() => expect(asked("forwards.retry")).toEqual([{ id: 8 }]));
    await waitFor(() => expect(asked("forwards.deliveries").length).toBeGreaterThan(1));
  });

  it("says what is tried before it, and leads there", async () => {
    const rows = [
      { ...WAITING, dueAt: Date.now() - 60_000, behindId: 41, attempts: [] },
      { ...WAITING, id: 9, url: "http://localhost:8787/", behindId: 90 },
    ];
    await deliveries(rows);
    const [other, same] = await screen.findAllByRole("listitem", { name: /Delivery to/ });
    expect(other).toHaveTextContent(
      "It goes after message 41, which is tried first. “Try now” tries that one.",
    );
    expect(other).not.toHaveTextContent(/due/);
    expect(screen.getByRole("link", { name: "message 41" })).toHaveAttribute(
      "href",
      "/messages?id=41",
    );
    expect(same).toHaveTextContent(
      "It goes after an earlier delivery of this message, which is tried first.",
    );
  });

  it("counts down the last seconds", async () => {
    await deliveries([{ ...WAITING, dueAt: Date.now() + 4_500 }]);
    const row = await screen.findByRole("listitem", { name: /Delivery to/ });
    expect(row).toHaveTextContent(/Next attempt in [45] s \(\d\d:\d\d:\d\d\)/);
  });

  it("says of one that is due already that it waits for its turn", async () => {
    await deliveries([{ ...WAITING, dueAt: Date.now() - 180_000, attempts: [] }]);
    const row = await screen.findByRole("listitem", { name: /Delivery to/ });
    expect(row).toHaveTextContent("Waits for its turn");
    expect(row).not.toHaveTextContent(/attempt/);
  });

  it("says in place why it could not be tried", async () => {
    await deliveries([{ ...WAITING, state: "failed", dueAt: null }], () =>
      refuse("unavailable", "The forward was removed."),
    );
    await screen.findByText("Given up");
    await userEvent.click(screen.getByRole("button", { name: /^Try now/ }));
    await screen.findByText("The forward was removed.");
  });

  it("offers no answer where nothing answered", async () => {
    await deliveries([
      { ...WAITING, dueAt: null, attempts: [{ ...TRIED, status: null, headers: [], body: "" }] },
    ]);
    await screen.findByText("No answer");
    screen.getByText(/Its turn comes after the messages before it/);
    expect(screen.queryByRole("button", { name: /Answer to/ })).toBeNull();
  });
});
