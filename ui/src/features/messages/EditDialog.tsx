import { useCallback, useMemo, useState } from "react";
import type { MessageDetail } from "../../ipc/gen/MessageDetail";
import type { SentTest } from "../../ipc/gen/SentTest";
import { useAct } from "../../ipc/hooks";
import { laidOut } from "../../lib/json";
import { useHotkey } from "../../lib/keys";
import { Button } from "../../parts/Button";
import { Checkbox } from "../../parts/Checkbox";
import { CodeEditor } from "../../parts/CodeEditor";
import { Dialog } from "../../parts/Dialog";
import { ErrorNote } from "../../parts/ErrorNote";
import { Sent } from "../../parts/Sent";
import s from "./EditDialog.module.css";
import { newest } from "./newest";

/** The body of a message to change and send again, signed anew, through the real listener. */
export function EditDialog({ message, onClose }: { message: MessageDetail; onClose: () => void }) {
  const [body, setBody] = useState(() => pretty(message.bodyText ?? ""));
  const [problem, setProblem] = useState<string | null>(null);
  const [now, setNow] = useState(true);
  const timed = useMemo(() => newest(body, 0) !== null, [body]);
  const [sent, setSent] = useState<SentTest | null>(null);
  const { mutate, isPending, error } = useAct("tests", "send", {
    toastError: false,
    onDone: setSent,
  });
  const ready = problem === null && !isPending;
  const { endpointId, id } = message;
  const submit = useCallback(() => {
    if (!ready) return;
    setSent(null);
    const last = now ? newest(body, Date.now()) : null;
    mutate({ endpointId, body: last ?? body, originId: id });
  }, [ready, mutate, endpointId, body, now, id]);
  useHotkey("mod+enter", submit, { inDialog: true, typing: true });

  return (
    <Dialog
      open
      onClose={onClose}
      title="Edit and resend"
      description={`Sent to ${message.endpoint} under a new id, signed with that endpoint's secret.`}
      width={720}
      footer={
        <>
          <div className={s.outcome} aria-live="polite">
            {sent !== null && <Sent sent={sent} flaw={null} onOpen={onClose} />}
          </div>
          <Button onClick={onClose}>{sent === null ? "Cancel" : "Close"}</Button>
          <Button
            variant="primary"
            kbd="mod+enter"
            busy={isPending}
            disabled={!ready}
            onClick={submit}
          >
            Send
          </Button>
        </>
      }
    >
      <CodeEditor
        label="Body of the message"
        value={body}
        onChange={setBody}
        onProblem={setProblem}
        minHeight={300}
        maxHeight={420}
      />
      {timed && (
        <Checkbox
          checked={now}
          onChange={setNow}
          label="Make it the newest: set updated_at and timestamp to now"
        />
      )}
      {problem !== null && (
        <p className={s.problem} role="alert">
          {problem}
        </p>
      )}
      {error !== null && <ErrorNote error={error} />}
    </Dialog>
  );
}

/** Laid out for people, unless it is already or is not JSON. */
function pretty(text: string): string {
  return text.includes("\n") ? text : (laidOut(text) ?? text);
}
