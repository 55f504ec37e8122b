import { screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { EventRow } from "../../ipc/gen/EventRow";
import { giveSizes, show, violations } from "../kit.test-env";
import { EventsPage } from "./EventsPage";

const ROWS: EventRow[] = [
  {
    name: "clerk.user.created",
    count: 1412,
    firstAt: Date.UTC(2026, 10, 1),
    lastAt: Date.UTC(2026, 10, 20),
    recent: [{ contactId: 3, label: "ada@example.com", at: Date.UTC(2026, 10, 20) }],
  },
];

const OCCURRENCES = {
  rows: [
    {
      id: 2,
      at: Date.UTC(2026, 10, 20),
      contactId: 3,
      label: "ada@example.com",
      messageId: 40,
      messageType: "user.created",
    },
    {
      id: 1,
      at: Date.UTC(2026, 10, 19),
      contactId: null,
      label: "user_gone",
      messageId: 39,
      messageType: "user.created",
    },
  ],
  next: null,
};

describe("the events", () => {
  beforeEach(() => giveSizes());

  it("lead to the contact and to the message, and say when the contact is gone", async () => {
    const { search } = await show(<EventsPage />, "/events", {
      events: { list: () => ROWS, occurrences: () => OCCURRENCES },
    });
    await userEvent.click(await screen.findByText("clerk.user.created"));
    await waitFor(() => expect(search()).toEqual({ name: "clerk.user.created" }));
    const contact = await screen.findByRole("link", { name: "ada@example.com" });
    expect(contact.getAttribute("href")).toBe("/audience?id=3");
    const messages = screen.getAllByRole("link", { name: "user.created" });
    expect(messages.map((link) => link.getAttribute("href"))).toEqual([
      "/messages?id=40",
      "/messages?id=39",
    ]);
    screen.getByText("user_gone (gone)");
    expect(await violations()).toEqual([]);
  });

  it("teach the next step while there are none", async () => {
    await show(<EventsPage />, "/events", { events: { list: () => [] } });
    await screen.findByText("No events yet");
    screen.getByRole("button", { name: "Send test event" });
  });
});
