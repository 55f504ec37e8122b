import { type ReactNode, useState } from "react";
import { Button } from "./Button";
import s from "./ConfirmDialog.module.css";
import { Dialog } from "./Dialog";
import { ErrorNote } from "./ErrorNote";
import { Field } from "./Field";
import { TextInput } from "./TextInput";

export interface ConfirmDialogProps {
  open: boolean;
  onClose: () => void;
  onConfirm: () => unknown;
  title: string;
  /** What will happen and what can be taken back. */
  children: ReactNode;
  /** The verb on the button, such as "Delete endpoint". */
  confirm: string;
  danger?: boolean | undefined;
  /** A text that has to be typed first. */
  typed?: string | undefined;
}

/** Asks before something is done. Enter does it; what cannot be taken back wants the button itself. */
export function ConfirmDialog(props: ConfirmDialogProps) {
  const { open, onClose, onConfirm, title, children, confirm, danger, typed } = props;
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const allowed = typed === undefined || text === typed;

  const close = () => {
    setText("");
    setError(null);
    onClose();
  };

  const run = async () => {
    if (!allowed || busy) return;
    setBusy(true);
    setError(null);
    try {
      await onConfirm();
      close();
    } catch (caught) {
      setError(caught);
    } finally {
      setBusy(false);
    }
  };

  return (
    <Dialog
      open={open}
      onClose={close}
      title={title}
      width={420}
      footer={
        <>
          <Button onClick={close} data-first={danger || undefined}>
            Cancel
          </Button>
          <Button
            variant={danger ? "danger" : "primary"}
            disabled={!allowed}
            busy={busy}
            data-first={!danger || undefined}
            onClick={() => void run()}
          >
            {confirm}
          </Button>
        </>
      }
    >
      <div className={s.text}>{children}</div>
      {typed !== undefined && (
        <Field label={`Type “${typed}” to confirm`}>
          {(control) => (
            <TextInput
              {...control}
              value={text}
              onChange={(event) => setText(event.target.value)}
              onKeyDown={(event) => {
                if (event.key === "Enter") void run();
              }}
            />
          )}
        </Field>
      )}
      {error !== null && <ErrorNote error={error} />}
    </Dialog>
  );
}
