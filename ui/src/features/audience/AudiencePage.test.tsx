import { screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import type { ContactDetail } from "../../ipc/gen/ContactDetail";
import type { TimelineEntry } from "../../ipc/gen/TimelineEntry";
import { giveSizes, isOn, refuse, show, violations } from "../kit.test-env";
import { AudiencePage } from "./AudiencePage";
import { contact, detail } from "./contact.fixture";

const PEOPLE = [1, 2, 3, 4, 5].map((id) => contact(id));

const ENTRIES: TimelineEntry[] = [
  {
    id: 2,
    at: Date.UTC(2026, 10, 20),
    what: "stale",
    title: "Older than what is known",
    messageId: 32,
    messageType: "user.updated",
    changes: [],
    note: "Sent 12:04:30, known since 12:04:31.",
  },
  {
    id: 1,
    at: Date.UTC(2026, 10, 19),
    what: "updated",
    title: "Updated",
    messageId: 31,
    messageType: "user.updated",
    changes: [{ field: "lastName", from: "Lind", to: "Okafor" }],
    note: null,
  },
];

/** An engine with five contacts. */
function engine() {
  let people = [...PEOPLE];
  let gone: typeof people = [];
  const edits: Partial<ContactDetail> = {};
  return {
    contacts: {
      list: () => ({ rows: people, next: null }),
      count: () => ({ count: people.length }),
      show: ({ id }: { id: number }) => {
        const row = people.find((one) => one.id === id);
        return row ? detail(row, edits) : refuse("notFound", "There is no such contact.");
      },
      timeline: () => ({ rows: ENTRIES, next: null }),
      remove: ({ ids }: { ids: number[] }) => {
        gone = people.filter((one) => ids.includes(one.id));
        people = people.filter((one) => !ids.includes(one.id));
        return { count: gone.length, undo: 77 };
      },
      restore: () => {
        people = [...people, ...gone].sort((a, b) => a.id - b.id);
        return { count: gone.length };
      },
    },
    lists: { list: () => [{ id: 9, name: "Product news", contacts: 4 }] },
  };
}

const select = (name: string) => screen.findByRole("checkbox", { name: `Select ${name}` });

describe("the audience", () => {
  beforeEach(() => giveSizes());

  it("has no accessibility violations, with a contact open", async () => {
    await show(<AudiencePage />, "/audience?id=2", engine());
    await screen.findByRole("article", { name: "Person 2" });
    await screen.findByText("Older than what is known");
    await select("Person 1");
    expect(await violations()).toEqual([]);
  });

  it("keeps the order in the address and turns it round", async () => {
    const { asked, search } = await show(<AudiencePage />, "/audience", engine());
    await userEvent.click(await screen.findByRole("button", { name: /^Name/ }));
    await waitFor(() => expect(search()).toEqual({ sort: "name" }));
    await screen.findByText("Sorted by name, a to z");
    await userEvent.click(screen.getByRole("button", { name: /^Name/ }));
    await waitFor(() => expect(search()).toEqual({ sort: "-name" }));
    await waitFor(() =>
      expect(asked("contacts.list").at(-1)).toMatchObject({ sort: "name", reverse: true }),
    );
  });

  it("reads search and order from the address", async () => {
    const { asked } = await show(<AudiencePage />, "/audience?q=ada&sort=-email", engine());
    await select("Person 1");
    expect(asked("contacts.list")[0]).toMatchObject({
      environmentId: 1,
      query: "ada",
      sort: "email",
      reverse: true,
    });
    await screen.findByText("5 of 5 contacts");
  });

  it("picks a stretch with shift, removes it, and takes that back", async () => {
    const user = userEvent.setup();
    const { asked } = await show(<AudiencePage />, "/audience", engine());
    await user.click(await select("Person 2"));
    await user.keyboard("{Shift>}");
    await user.click(await select("Person 4"));
    await user.keyboard("{/Shift}");
    screen.getByText("3 selected");
    expect(isOn(await select("Person 3"))).toBe(true);
    expect(isOn(await select("Person 5"))).toBe(false);

    await user.click(screen.getByRole("button", { name: "Remove" }));
    await screen.findByText("Removed 3 contacts");
    await waitFor(() => expect(screen.queryByText("Person 3")).toBeNull());
    expect(asked("contacts.remove")).toEqual([{ ids: [2, 3, 4] }]);

    await user.click(screen.getByRole("button", { name: /Undo/ }));
    await screen.findByText("Person 3");
    expect(asked("contacts.restore")).toEqual([{ id: 77 }]);
  });

  it("says where it happened that removing failed, and keeps the rows picked", async () => {
    const world = engine();
    await show(<AudiencePage />, "/audience", {
      ...world,
      contacts: { ...world.contacts, remove: () => refuse("unavailable", "The disk is full.") },
    });
    await userEvent.click(await select("Person 2"));
    await userEvent.click(screen.getByRole("button", { name: "Remove" }));
    await screen.findByText("The disk is full.");
    screen.getByText("1 selected");
  });

  it("moves with j, picks with x, and closes with Esc", async () => {
    const user = userEvent.setup();
    const { search } = await show(<AudiencePage />, "/audience", engine());
    await select("Person 1");
    await user.keyboard("j");
    await waitFor(() => expect(search()).toEqual({ id: "1" }));
    await user.keyboard("j");
    await waitFor(() => expect(search()).toEqual({ id: "2" }));
    await user.keyboard("x");
    expect(isOn(await select("Person 2"))).toBe(true);
    await user.keyboard("{Escape}");
    await waitFor(async () => expect(isOn(await select("Person 2"))).toBe(false));
    await user.keyboard("{Escape}");
    await waitFor(() => expect(search()).toEqual({}));
  });

  it("takes the subscribed switch back when saving fails, and says why", async () => {
    const world = engine();
    await show(<AudiencePage />, "/audience?id=2", {
      ...world,
      contacts: { ...world.contacts, edit: () => refuse("unavailable", "The disk is full.") },
    });
    const toggle = await screen.findByRole("switch", { name: "Subscribed" });
    await userEvent.click(toggle);
    await screen.findByText("The disk is full.");
    expect(isOn(toggle)).toBe(true);
  });

  it("sends only what was edited, since an edit holds against Clerk", async () => {
    const world = engine();
    const { asked } = await show(<AudiencePage />, "/audience?id=2", {
      ...world,
      contacts: { ...world.contacts, edit: () => detail(contact(2)) },
    });
    await userEvent.click(await screen.findByRole("button", { name: "Edit" }));
    const last = screen.getByLabelText("Last name");
    await userEvent.clear(last);
    await userEvent.click(screen.getByLabelText("Mailing lists"));
    await userEvent.click(await screen.findByRole("option", { name: "Product news" }));
    await userEvent.keyboard("{Escape}");
    await userEvent.click(screen.getByRole("button", { name: "Save" }));
    await waitFor(() =>
      expect(asked("contacts.edit")).toEqual([{ id: 2, lastName: "", listIds: [9] }]),
    );
  });

  it("makes a mailing list out of a name that does not exist", async () => {
    const world = engine();
    const { asked } = await show(<AudiencePage />, "/audience?id=2", {
      ...world,
      lists: { ...world.lists, add: () => ({ id: 12, name: "Beta", contacts: 0 }) },
    });
    await userEvent.click(await screen.findByRole("button", { name: "Edit" }));
    await userEvent.type(screen.getByLabelText("Mailing lists"), "Beta");
    await userEvent.click(await screen.findByRole("option", { name: "Create “Beta”" }));
    await screen.findByRole("button", { name: "Remove Beta" });
    expect(asked("lists.add")).toEqual([{ environmentId: 1, name: "Beta" }]);
  });

  it("confirms removing one contact and says when it comes back", async () => {
    const { search } = await show(<AudiencePage />, "/audience?id=2", engine());
    await userEvent.click(await screen.findByRole("button", { name: "More" }));
    await userEvent.click(await screen.findByRole("menuitem", { name: "Remove…" }));
    const dialog = await screen.findByRole("dialog");
    within(dialog).getByText(/comes back/);
    await userEvent.click(within(dialog).getByRole("button", { name: "Remove contact" }));
    await screen.findByText("Removed Person 2");
    await waitFor(() => expect(search()).toEqual({}));
  });

  it("shows a taken email at the email", async () => {
    const world = engine();
    await show(<AudiencePage />, "/audience", {
      ...world,
      contacts: { ...world.contacts, add: () => refuse("conflict", "That email is here already.") },
    });
    await userEvent.click(await screen.findByRole("button", { name: "Add contact" }));
    await userEvent.type(await screen.findByLabelText("Email"), "person1@example.com");
    await userEvent.click(
      within(screen.getByRole("dialog")).getByRole("button", { name: "Add contact" }),
    );
    await screen.findByText("That email is here already.");
    expect(screen.getByLabelText("Email").getAttribute("aria-invalid")).toBe("true");
  });

  it("marks what was edited by hand, and shows where a stale message lost", async () => {
    const world = engine();
    await show(<AudiencePage />, "/audience?id=2", {
      ...world,
      contacts: {
        ...world.contacts,
        show: () => detail(contact(2), { edited: ["userGroup"] }),
      },
    });
    await screen.findByText("edited by hand");
    await screen.findByText("Sent 12:04:30, known since 12:04:31.");
    const link = screen.getAllByRole("link", { name: "user.updated" })[0];
    expect(link?.getAttribute("href")).toBe("/messages?id=32");
  });

  it("teaches the next step while nobody is here", async () => {
    await show(<AudiencePage />, "/audience", {
      contacts: { list: () => ({ rows: [], next: null }), count: () => ({ count: 0 }) },
    });
    await screen.findByText("No contacts yet");
    screen.getByRole("button", { name: "Send test event" });
    expect(await violations()).toEqual([]);
  });
});
