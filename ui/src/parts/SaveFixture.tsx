import { type KeyboardEvent, useState } from "react";
import type { SampleRow } from "../ipc/gen/SampleRow";
import { useAct, useRpc } from "../ipc/hooks";
import { fixtureName } from "../lib/fixture";
import { toast } from "../lib/toast";
import { Button } from "./Button";
import { Dialog } from "./Dialog";
import { Field } from "./Field";
import s from "./SaveFixture.module.css";
import { TextInput } from "./TextInput";

/** Where the body of a fixture comes from. */
type Source = { body: string } | { messageId: number };

/** What is typed, as the name of a fixture; as it is when it can be one. */
export function nameOf(text: string): string {
  const typed = text.trim();
  if (/^[\w-]([\w.-]*[\w-])?$/.test(typed)) return typed;
  return typed
    .normalize("NFD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replace(/[^a-z\d._-]+/g, "-")
    .replace(/^[.-]+|[.-]+$/g, "");
}

/** Asks under which name a message is kept as a fixture. */
export function KeepDialog({ message, onClose }: { message: { id: number }; onClose: () => void }) {
  const catalogue = useRpc("tests", "catalogue", {});
  return (
    <Dialog
      open
      onClose={onClose}
      title="Save as fixture"
      description={
        <>
          It can then be sent at any time: from “Send test event”, or by <code>usher trigger</code>.
        </>
      }
      width={440}
    >
      <SaveFixture
        source={{ messageId: message.id }}
        row={undefined}
        taken={(catalogue.data ?? []).flatMap((one) => fixtureName(one) ?? [])}
        ready
        alone
        onSaved={() => {}}
        onClose={onClose}
      />
    </Dialog>
  );
}

/** Keeps a body under a name, among "Yours". */
export function SaveFixture(props: {
  source: Source;
  /** What it was made from; a fixture is offered to be replaced. */
  row: SampleRow | undefined;
  /** Names there are. */
  taken: readonly string[];
  ready: boolean;
  /** It has a dialog to itself. */
  alone?: boolean;
  onSaved: (name: string) => void;
  onClose: () => void;
}) {
  const { source, row, taken, ready, alone, onSaved, onClose } = props;
  const own = fixtureName(row);
  const [name, setName] = useState(own ?? "");
  const [title, setTitle] = useState(own === null ? "" : (row?.title ?? ""));
  const save = useAct("tests", "save", {
    toastError: false,
    onDone: (saved, sent) => {
      onSaved(saved.name);
      onClose();
      toast({ title: `Saved ${sent.name}`, description: "It is in the catalogue under “Yours”." });
    },
  });
  const typed = name.trim();
  const given = nameOf(typed) || typed;
  const other = given !== typed;
  const replaces = taken.includes(given);
  const allowed = ready && given !== "" && !save.isPending;
  const hints = [
    ...(other ? [`Saved as ${given}.`] : []),
    ...(replaces ? ["There is one; it is replaced."] : []),
  ];

  function run() {
    if (!allowed) return;
    const said = title.trim() || (other ? typed : "");
    save.mutate({ name: given, ...source, ...(said === "" ? {} : { title: said }) });
  }

  function onKeyDown(event: KeyboardEvent) {
    if (event.key === "Enter" && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      run();
    }
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      onClose();
    }
  }

  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: Enter and Esc of the two fields inside
    <div className={alone ? s.alone : s.fixture} onKeyDown={onKeyDown}>
      <Field
        label="Name of the fixture"
        hint={hints.length === 0 ? undefined : hints.join(" ")}
        error={save.error?.message}
      >
        {(control) => (
          <TextInput
            {...control}
            mono
            autoFocus={!alone}
            maxLength={80}
            placeholder="sign-up-by-phone"
            value={name}
            onChange={(event) => {
              setName(event.target.value);
              save.reset();
            }}
          />
        )}
      </Field>
      <Field label="Title (optional)">
        {(control) => (
          <TextInput
            {...control}
            maxLength={120}
            placeholder="What it is about"
            value={title}
            onChange={(event) => setTitle(event.target.value)}
          />
        )}
      </Field>
      <div className={s.fixtureButtons}>
        <Button onClick={onClose}>Cancel</Button>
        <Button
          variant={alone ? "primary" : undefined}
          busy={save.isPending}
          disabled={!allowed}
          onClick={run}
        >
          {replaces ? "Replace" : "Save"}
        </Button>
      </div>
    </div>
  );
}
