import { useState } from "react";
import type { Imported } from "../../ipc/gen/Imported";
import { useAct } from "../../ipc/hooks";
import { plural } from "../../lib/words";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";
import { Field } from "../../parts/Field";
import { TextInput } from "../../parts/TextInput";
import s from "./FixtureFiles.module.css";

const STORED = "usher.fixtures.folder";

/** Writes the fixtures into a folder, and takes those that are there. */
export function FixtureFiles({
  own,
  onClose,
}: {
  /** How many there are. */
  own: number;
  onClose: () => void;
}) {
  const [folder, setFolder] = useState(() => localStorage.getItem(STORED) ?? "");
  const remember = () => localStorage.setItem(STORED, folder.trim());
  const write = useAct("tests", "export", { toastError: false, onDone: remember });
  const read = useAct("tests", "import", { toastError: false, onDone: remember });
  const busy = write.isPending || read.isPending;
  const named = folder.trim() !== "";

  function reset() {
    write.reset();
    read.reset();
  }

  function run(act: typeof write | typeof read) {
    reset();
    act.mutate({ folder: folder.trim() });
  }

  return (
    <Dialog
      open
      onClose={onClose}
      title="Fixtures as files"
      description="One JSON file for each, with sorted keys: they can live in a Git repository, beside your app."
      width={500}
      footer={
        <>
          <Button busy={read.isPending} disabled={!named || busy} onClick={() => run(read)}>
            Import
          </Button>
          <Button
            busy={write.isPending}
            disabled={!named || busy || own === 0}
            onClick={() => run(write)}
          >
            {own === 0 ? "Export" : `Export ${plural(own, "fixture")}`}
          </Button>
        </>
      }
    >
      <Field
        label="Folder"
        hint={
          own === 0
            ? "There is nothing to export yet: save a test event as a fixture first."
            : "Those of the same name are replaced, here or there. Nothing is removed."
        }
        error={(write.error ?? read.error)?.message}
      >
        {(control) => (
          <TextInput
            {...control}
            mono
            placeholder="~/my-app/fixtures"
            value={folder}
            onChange={(event) => {
              setFolder(event.target.value);
              reset();
            }}
          />
        )}
      </Field>
      <div role="status" className={s.result}>
        {write.data !== undefined && (
          <p>
            Exported {plural(write.data.count, "fixture")} to <code>{folder.trim()}</code>.
          </p>
        )}
        {read.data !== undefined && <Brought imported={read.data} />}
      </div>
    </Dialog>
  );
}

function Brought({ imported }: { imported: Imported }) {
  const { added, changed, unchanged, problems } = imported;
  const parts = [
    [added, "added"],
    [changed, "changed"],
    [unchanged, "unchanged"],
  ] as const;
  const said = parts.filter(([count]) => count > 0).map(([count, word]) => `${count} ${word}`);
  return (
    <>
      {said.length > 0 && <p>{said.join(", ")}.</p>}
      {said.length === 0 && problems.length === 0 && <p>There is no .json file in this folder.</p>}
      {problems.length > 0 && (
        <>
          <p>{plural(problems.length, "file")} could not be read:</p>
          <ul className={s.problems}>
            {problems.map((problem) => (
              <li key={problem}>{problem}</li>
            ))}
          </ul>
        </>
      )}
    </>
  );
}
