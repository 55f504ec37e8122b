import { act, render, screen, waitFor, within } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { useState } from "react";
import { afterEach, describe, expect, it, vi } from "vitest";
import { addHotkey } from "../lib/keys";
import { dismissToast, toast, toasts } from "../lib/toast";
import { Button } from "./Button";
import { Checkbox } from "./Checkbox";
import { CodeEditor } from "./CodeEditor";
import { ConfirmDialog } from "./ConfirmDialog";
import { Dialog } from "./Dialog";
import { Field } from "./Field";
import { Id } from "./Id";
import { JsonView } from "./JsonView";
import { SearchBox } from "./SearchBox";
import { TextInput } from "./TextInput";
import { Time } from "./Time";
import { Toasts } from "./Toast";
import { VirtualList } from "./VirtualList";

afterEach(() => {
  vi.useRealTimers();
  for (const item of toasts.current()) dismissToast(item.id);
});

describe("SearchBox", () => {
  it("is reached with /, waits for a pause, and Esc clears before it leaves", async () => {
    const user = userEvent.setup();
    const onChange = vi.fn();
    render(<SearchBox label="Search" placeholder="Search" value="" onChange={onChange} />);
    const box = screen.getByRole("textbox", { name: "Search" });
    await user.keyboard("/");
    expect(box).toHaveFocus();
    await user.keyboard("maya");
    await waitFor(() => expect(onChange).toHaveBeenLastCalledWith("maya"));
    expect(onChange).toHaveBeenCalledOnce();
    await user.keyboard("{Escape}");
    expect(box).toHaveValue("");
    await waitFor(() => expect(onChange).toHaveBeenLastCalledWith(""));
    expect(box).toHaveFocus();
    await user.keyboard("{Escape}");
    expect(box).not.toHaveFocus();
  });
});

function DialogHost() {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        Open
      </button>
      <Dialog open={open} onClose={() => setOpen(false)} title="Add contact">
        <Field label="Email" error="Enter an address.">
          {(control) => <TextInput {...control} />}
        </Field>
      </Dialog>
    </>
  );
}

describe("Dialog", () => {
  it("takes the focus, closes on Esc and gives the focus back", async () => {
    const user = userEvent.setup();
    render(<DialogHost />);
    await user.click(screen.getByRole("button", { name: "Open" }));
    const dialog = await screen.findByRole("dialog", { name: "Add contact" });
    const email = within(dialog).getByRole("textbox", { name: "Email" });
    await waitFor(() => expect(email).toHaveFocus());
    expect(email).toHaveAccessibleDescription("Enter an address.");
    expect(email).toBeInvalid();
    await user.keyboard("{Escape}");
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    await waitFor(() => expect(screen.getByRole("button", { name: "Open" })).toHaveFocus());
  });

  it.each([
    { danger: false, focused: "Verify" },
    { danger: true, focused: "Cancel" },
  ])("begins at $focused when danger is $danger", async ({ danger, focused }) => {
    const onConfirm = vi.fn();
    render(
      <ConfirmDialog
        open
        title="Sure?"
        confirm="Verify"
        danger={danger}
        onConfirm={onConfirm}
        onClose={() => {}}
      >
        It is done.
      </ConfirmDialog>,
    );
    await waitFor(() => expect(screen.getByRole("button", { name: focused })).toHaveFocus());
    await userEvent.keyboard("{Enter}");
    expect(onConfirm).toHaveBeenCalledTimes(danger ? 0 : 1);
  });

  it("asks for the typed word, and shows a failure in place", async () => {
    const user = userEvent.setup();
    const onConfirm = vi.fn().mockRejectedValueOnce({ code: "conflict", message: "It is in use." });
    const onClose = vi.fn();
    render(
      <ConfirmDialog
        open
        title="Delete"
        confirm="Delete endpoint"
        typed="Clerk"
        onConfirm={onConfirm}
        onClose={onClose}
      >
        It is gone afterwards.
      </ConfirmDialog>,
    );
    const button = await screen.findByRole("button", { name: "Delete endpoint" });
    expect(button).toBeDisabled();
    await user.type(screen.getByRole("textbox"), "Clerk");
    await user.click(button);
    expect(await screen.findByRole("alert")).toHaveTextContent("It is in use.");
    expect(onClose).not.toHaveBeenCalled();
    await user.click(button);
    await waitFor(() => expect(onClose).toHaveBeenCalledOnce());
  });
});

function EditorHost({ field }: { field: boolean }) {
  const [open, setOpen] = useState(false);
  const [text, setText] = useState("[1,,]");
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        Open
      </button>
      <Dialog open={open} onClose={() => setOpen(false)} title="Edit">
        {field && <TextInput aria-label="Filter" />}
        <CodeEditor label="Body" value={text} onChange={setText} />
        <Checkbox checked onChange={() => {}} label="Newest" />
      </Dialog>
    </>
  );
}

/** The editor itself, not what stands in for it while it is loaded. */
const editor = () => document.querySelector<HTMLElement>(".cm-content");

describe("CodeEditor", () => {
  it("is where a dialog begins, while it is loaded, after that and the next time", async () => {
    const user = userEvent.setup();
    render(<EditorHost field={false} />);
    await user.click(screen.getByRole("button", { name: "Open" }));
    await waitFor(() => expect(screen.getByRole("textbox", { name: "Body" })).toHaveFocus());
    await waitFor(() => expect(editor()).toBeInTheDocument(), { timeout: 10_000 });
    expect(editor()).toHaveFocus();
    await user.keyboard("{Escape}");
    await waitFor(() => expect(screen.queryByRole("dialog")).toBeNull());
    await user.click(screen.getByRole("button", { name: "Open" }));
    await screen.findByRole("dialog");
    await waitFor(() => expect(editor()).toHaveFocus());
  });

  it("leaves the focus to a field above it", async () => {
    const user = userEvent.setup();
    render(<EditorHost field />);
    await user.click(screen.getByRole("button", { name: "Open" }));
    await waitFor(() => expect(editor()).toBeInTheDocument(), { timeout: 10_000 });
    await waitFor(() => expect(screen.getByRole("textbox", { name: "Filter" })).toHaveFocus());
  });

  it("marks the place that the sentence names", async () => {
    render(<CodeEditor label="Body" value={"[1,\n2;]"} onChange={() => {}} />);
    await waitFor(
      () => expect(document.querySelector(".cm-lintRange-error")).toHaveTextContent(/^;$/),
      { timeout: 10_000 },
    );
  });
});

/** Scrolls as a browser does: without an act() that draws at its end. */
function scrolled(scroller: HTMLElement | null, top: number): void {
  if (scroller === null) throw new Error("a list stands in what scrolls it");
  Object.defineProperty(scroller, "scrollHeight", { configurable: true, value: 1_000_000 });
  scroller.scrollTop = top;
  const testing = globalThis as { IS_REACT_ACT_ENVIRONMENT?: boolean };
  testing.IS_REACT_ACT_ENVIRONMENT = false;
  scroller.dispatchEvent(new Event("scroll"));
  testing.IS_REACT_ACT_ENVIRONMENT = true;
}

interface ListRow {
  id: number;
}
const rows: readonly ListRow[] = Array.from({ length: 5000 }, (_, at) => ({ id: at + 1 }));
const idOf = (row: ListRow) => row.id;

function ListHost(props: {
  onOpen?: (id: number) => void;
  onEnd?: () => void;
  onPick?: (keys: ReadonlySet<string | number>) => void;
  rowKey?: (row: ListRow) => number;
  many?: number;
}) {
  const { onOpen, onEnd, onPick, rowKey = idOf, many = rows.length } = props;
  const [selected, setSelected] = useState<number | null>(null);
  const [shown] = useState(() => rows.slice(0, many));
  return (
    <VirtualList
      label="Rows"
      rows={shown}
      rowHeight={30}
      rowKey={rowKey}
      renderRow={(row) => `Row ${row.id}`}
      selectedKey={selected}
      onSelect={(row) => setSelected(row.id)}
      onOpen={(row) => onOpen?.(row.id)}
      onEndReached={onEnd}
      onPick={onPick}
    />
  );
}

describe("VirtualList", () => {
  it("draws only what is seen and says how many there are", () => {
    render(<ListHost />);
    const options = screen.getAllByRole("option");
    expect(options.length).toBeLessThan(60);
    expect(options[0]).toHaveAttribute("aria-setsize", "5000");
  });

  it("is driven by j, k, arrows, Home, End and Enter", async () => {
    const user = userEvent.setup();
    const onOpen = vi.fn();
    render(<ListHost onOpen={onOpen} />);
    const selected = () => screen.queryByRole("option", { selected: true })?.textContent;
    await user.keyboard("j");
    expect(selected()).toBe("Row 1");
    await user.keyboard("jj");
    expect(selected()).toBe("Row 3");
    await user.keyboard("k");
    expect(selected()).toBe("Row 2");
    const list = screen.getByRole("listbox", { name: "Rows" });
    act(() => list.focus());
    await user.keyboard("{ArrowDown}{Enter}");
    expect(onOpen).toHaveBeenLastCalledWith(3);
    expect(list).toHaveAttribute(
      "aria-activedescendant",
      screen.getByRole("option", { selected: true }).id,
    );
    await user.keyboard("{End}{Enter}");
    expect(onOpen).toHaveBeenLastCalledWith(5000);
    await user.keyboard("{Home}{Enter}");
    expect(onOpen).toHaveBeenLastCalledWith(1);
  });

  const scrollTo = (top: number) =>
    scrolled(screen.getByRole("listbox", { name: "Rows" }).parentElement, top);

  it("draws the rows that a jump leads to before the frame is painted", () => {
    render(<ListHost />);
    expect(screen.queryByText("Row 3001")).toBeNull();
    scrollTo(90_000);
    expect(screen.getByText("Row 3001")).toBeInTheDocument();
    expect(screen.getByText("Row 3020")).toBeInTheDocument();
    expect(screen.queryByText("Row 1")).toBeNull();
  });

  it("computes the places of rows once, however far it is scrolled", () => {
    const keys = vi.fn((row: { id: number }) => row.id);
    render(<ListHost rowKey={keys} />);
    const before = keys.mock.calls.length;
    for (let top = 1_200; top <= 12_000; top += 1_200) scrollTo(top);
    expect(screen.getByText("Row 401")).toBeInTheDocument();
    expect(keys.mock.calls.length - before).toBeLessThan(2_000);
  });

  it("asks for more long before its end once it is scrolled, and only near it before that", () => {
    const onEnd = vi.fn();
    render(<ListHost many={150} onEnd={onEnd} />);
    expect(onEnd).not.toHaveBeenCalled();
    scrollTo(1_200);
    expect(onEnd).toHaveBeenCalled();
  });

  it("takes the focus with j, so that Enter opens the row and nothing else", async () => {
    const user = userEvent.setup();
    const [onOpen, onClick] = [vi.fn(), vi.fn()];
    render(
      <>
        <button type="button" onClick={onClick}>
          Elsewhere
        </button>
        <ListHost onOpen={onOpen} />
      </>,
    );
    act(() => screen.getByRole("button", { name: "Elsewhere" }).focus());
    await user.keyboard("jj{Enter}");
    expect(onOpen).toHaveBeenCalledWith(2);
    expect(onClick).not.toHaveBeenCalled();
  });

  it("picks all its rows with the key for all", async () => {
    const user = userEvent.setup();
    const onPick = vi.fn();
    render(<ListHost many={150} onPick={onPick} />);
    act(() => screen.getByRole("listbox", { name: "Rows" }).focus());
    await user.keyboard("{Control>}a{/Control}");
    expect(onPick.mock.calls[0]?.[0]).toHaveLength(150);
  });

  it("selects with the mouse", async () => {
    const user = userEvent.setup();
    render(<ListHost />);
    await user.click(screen.getByText("Row 4"));
    expect(screen.getByRole("option", { selected: true })).toHaveTextContent("Row 4");
  });
});

it("a button that is busy keeps the focus and does nothing", async () => {
  const user = userEvent.setup();
  const onClick = vi.fn();
  const { rerender } = render(<Button onClick={onClick}>Send</Button>);
  const button = screen.getByRole("button", { name: "Send" });
  await user.click(button);
  rerender(
    <Button busy onClick={onClick}>
      Send
    </Button>,
  );
  expect(button).toHaveFocus();
  expect(button).toHaveAttribute("aria-disabled", "true");
  expect(button).toBeEnabled();
  await user.click(button);
  expect(onClick).toHaveBeenCalledOnce();
});

describe("Id", () => {
  it("shows the middle left out and copies all of it", async () => {
    const user = userEvent.setup();
    const value = "msg_2zR0vYh1kQ3wX8c4LmTn9B";
    render(<Id value={value} />);
    await user.click(screen.getByRole("button", { name: `Copy ${value}` }));
    expect(await navigator.clipboard.readText()).toBe(value);
    expect(screen.getByRole("status")).toHaveTextContent("Copied");
    expect(screen.getByRole("button").textContent).toContain("…");
  });
});

describe("Time", () => {
  it("goes on with the shared clock and carries the exact time", () => {
    vi.useFakeTimers({ now: new Date("2026-11-23T12:00:00Z") });
    render(<Time at={Date.now() - 58_000} />);
    const time = screen.getByText("58 s");
    expect(time).toHaveAttribute("title", "2026-11-23T11:59:02.000Z");
    act(() => vi.advanceTimersByTime(3000));
    expect(time).toHaveTextContent("1 min");
    expect(vi.getTimerCount()).toBe(1);
  });
});

describe("Toasts", () => {
  it("are above a dialog, which stays when one is used", async () => {
    const user = userEvent.setup();
    const onClose = vi.fn();
    render(
      <>
        <Dialog open onClose={onClose} title="Over the window">
          Text
        </Dialog>
        <Toasts />
      </>,
    );
    act(() => toast({ title: "Copied" }));
    await user.click(await screen.findByText("Copied"));
    await user.click(screen.getByRole("button", { name: "Dismiss", hidden: true }));
    expect(screen.queryByText("Copied")).toBeNull();
    expect(onClose).not.toHaveBeenCalled();
    await user.click(document.body);
    expect(onClose).toHaveBeenCalled();
  });

  it("offers undo by button and by key, once", async () => {
    const user = userEvent.setup();
    const undo = vi.fn();
    render(<Toasts />);
    act(() => void toast({ title: "Contact deleted.", undo }));
    expect(screen.getByText("Contact deleted.")).toBeVisible();
    await user.keyboard("{Control>}z{/Control}");
    expect(undo).toHaveBeenCalledOnce();
    expect(screen.queryByText("Contact deleted.")).toBeNull();
    await user.keyboard("{Control>}z{/Control}");
    expect(undo).toHaveBeenCalledOnce();
  });

  it("shows one in place of another that says the same", () => {
    render(<Toasts />);
    act(() => void toast({ title: "Nothing there." }));
    act(() => void toast({ title: "Nothing there." }));
    act(() => void toast({ title: "Nothing there.", description: "But here." }));
    expect(screen.getAllByText("Nothing there.")).toHaveLength(2);
  });

  it("keeps three at most, and lets them go", () => {
    vi.useFakeTimers();
    render(<Toasts />);
    act(() => {
      for (let at = 1; at <= 5; at += 1) toast({ title: `Notice ${at}` });
    });
    expect(screen.queryByText("Notice 2")).toBeNull();
    expect(screen.getByText("Notice 3")).toBeInTheDocument();
    act(() => vi.advanceTimersByTime(7000));
    expect(screen.queryByText("Notice 5")).toBeNull();
  });
});

describe("JsonView", () => {
  const text = JSON.stringify({
    data: {
      id: "user_1",
      emails: [{ a: 1 }, { a: 2 }],
      updated_at: Date.now(),
      amount: 1_763_985_871,
    },
  });

  it("folds what is deep, says times in words and copies a value", async () => {
    const user = userEvent.setup();
    render(<JsonView text={text} />);
    expect(screen.getByText(/today \d\d:\d\d:\d\d/)).toBeInTheDocument();
    expect(screen.getAllByText(/today/)).toHaveLength(1);
    const fold = screen.getByRole("button", { name: /Unfold "emails", 2 items/ });
    expect(fold).toHaveAttribute("aria-expanded", "false");
    await user.click(fold);
    expect(screen.getByRole("button", { name: /Fold "emails"/ })).toHaveAttribute(
      "aria-expanded",
      "true",
    );
    await user.click(screen.getByRole("button", { name: '"user_1"' }));
    expect(await navigator.clipboard.readText()).toBe("user_1");
  });

  it("is read by keyboard, as a tree: arrows move and fold, Enter copies", async () => {
    const user = userEvent.setup();
    render(<JsonView text={text} />);
    const tree = screen.getByRole("tree", { name: "Fields of the payload" });
    act(() => tree.focus());
    await user.keyboard("{ArrowDown}{ArrowDown}{ArrowDown}");
    const emails = screen.getByRole("treeitem", { name: /"emails"/ });
    expect(tree).toHaveAttribute("aria-activedescendant", emails.id);
    expect(emails).toHaveAttribute("aria-expanded", "false");
    await user.keyboard("{ArrowRight}");
    expect(emails).toHaveAttribute("aria-expanded", "true");
    await user.keyboard("{ArrowRight}{ArrowRight}{ArrowRight}{Enter}");
    await user.click(await screen.findByRole("menuitem", { name: "Copy path" }));
    expect(await navigator.clipboard.readText()).toBe("data.emails[0].a");
    act(() => tree.focus());
    await user.keyboard("{ArrowLeft}{ArrowLeft}");
    expect(screen.queryByRole("treeitem", { name: /"a": 1/ })).toBeNull();
  });

  it("finds in what is folded, and mod+f goes there instead of to the screen's search", async () => {
    const user = userEvent.setup();
    const screens = vi.fn();
    const remove = addHotkey("mod+f", screens);
    render(<JsonView text={text} />);
    act(() => screen.getByRole("tree").focus());
    await user.keyboard("{Control>}f{/Control}");
    expect(screens).not.toHaveBeenCalled();
    const field = await screen.findByRole("textbox", { name: "Find in the payload" });
    expect(field).toHaveFocus();
    await user.keyboard("user_1");
    expect(await screen.findByText("1 line")).toBeVisible();
    await user.clear(field);
    await user.keyboard('"a"');
    expect(await screen.findByText("2 lines")).toBeVisible();
    await user.keyboard("{Enter}{Enter}");
    expect(await screen.findByText("2 of 2")).toBeVisible();
    expect(screen.getByRole("treeitem", { selected: true })).toHaveTextContent('"a": 2');
    await user.keyboard("{Escape}");
    expect(screen.queryByRole("textbox")).toBeNull();
    expect(screen.getByRole("tree")).toHaveFocus();
    remove();
  });

  it("leads to what is known elsewhere, in the window and out of it", async () => {
    const user = userEvent.setup();
    const opened = vi.spyOn(window, "open").mockReturnValue(null);
    const linksOf = (value: string) =>
      value === "user_1" ? [{ label: "Look it up", href: "https://example.com/user_1" }] : [];
    render(<JsonView text={text} linksOf={linksOf} />);
    act(() => screen.getByRole("tree").focus());
    await user.keyboard("{ArrowDown}{ArrowDown}{Enter}");
    await user.click(await screen.findByRole("menuitem", { name: "Look it up" }));
    expect(opened).toHaveBeenCalledWith("https://example.com/user_1", "_blank", "noopener");
  });

  it("shows what is not JSON as it is, and where it goes wrong", () => {
    render(<JsonView text="type=user.created&x=1" />);
    expect(screen.getByText("Not JSON: it goes wrong at line 1, column 1.")).toBeVisible();
    expect(screen.getByText("type=user.created&x=1")).toBeInTheDocument();
  });

  it("draws a megabyte in few lines", () => {
    const big = JSON.stringify(
      Array.from({ length: 30_000 }, (_, at) => `value number ${at} of many`),
    );
    const { container } = render(<JsonView text={big} />);
    expect(container.querySelectorAll("*").length).toBeLessThan(800);
    const lines = screen.getByRole("region", { name: "Payload" });
    scrolled(lines, 190_000);
    expect(screen.getByText('"value number 10001 of many"')).toBeInTheDocument();
    expect(container.querySelectorAll("*").length).toBeLessThan(800);
  });
});
