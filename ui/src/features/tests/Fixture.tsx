import { type KeyboardEvent, useState } from "react";
import type { SampleRow } from "../../ipc/gen/SampleRow";
import { useAct } from "../../ipc/hooks";
import { toast } from "../../lib/toast";
import { Button } from "../../parts/Button";
import { ConfirmDialog } from "../../parts/ConfirmDialog";
import { Field } from "../../parts/Field";
import { TextInput } from "../../parts/TextInput";
import s from "./TestDialog.module.css";
import { fixtureName } from "./words";

/** Keeps the body under a name, among "Yours". */
export function SaveFixture(props: {
  body: string;
  /** What it was made from; a fixture is offered to be replaced. */
  row: SampleRow | undefined;
  /** Names there are. */
  taken: readonly string[];
  ready: boolean;
  onSaved: (name: string) => void;
  onClose: () => void;
}) {
  const { body, row, taken, ready, onSaved, onClose } = props;
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
  const replaces = taken.includes(name.trim());
  const allowed = ready && name.trim() !== "" && !save.isPending;

  function run() {
    if (!allowed) return;
    save.mutate({
      name: name.trim(),
      body,
      ...(title.trim() === "" ? {} : { title: title.trim() }),
    });
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
    <div className={s.fixture} onKeyDown={onKeyDown}>
      <Field
        label="Name of the fixture"
        hint={replaces ? "There is one; it is replaced." : undefined}
        error={save.error?.message}
      >
        {(control) => (
          <TextInput
            {...control}
            mono
            autoFocus
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
        <Button busy={save.isPending} disabled={!allowed} onClick={run}>
          {replaces ? "Replace" : "Save"}
        </Button>
      </div>
    </div>
  );
}

/** Forgets a fixture after asking. */
export function ForgetFixture(props: {
  row: SampleRow;
  open: boolean;
  onForgotten: () => void;
  onClose: () => void;
}) {
  const { row, open, onForgotten, onClose } = props;
  const forget = useAct("tests", "forget", { toastError: false });
  return (
    <ConfirmDialog
      open={open}
      onClose={onClose}
      onConfirm={async () => {
        await forget.mutateAsync({ name: fixtureName(row) ?? row.name });
        onForgotten();
      }}
      title="Forget this fixture?"
      confirm="Forget fixture"
      danger
    >
      <code>{fixtureName(row)}</code> leaves the catalogue for good. Messages that were sent with it
      stay.
    </ConfirmDialog>
  );
}
