import { useCallback, useEffect, useState } from "react";
import { useEnvironment } from "../../ipc/environment";
import type { SentTest } from "../../ipc/gen/SentTest";
import { useAct, useRpc } from "../../ipc/hooks";
import { useHotkey } from "../../lib/keys";
import { Button } from "../../parts/Button";
import { CodeEditor } from "../../parts/CodeEditor";
import { Dialog } from "../../parts/Dialog";
import { ErrorNote } from "../../parts/ErrorNote";
import { Field } from "../../parts/Field";
import { Select } from "../../parts/Select";
import { Skeleton } from "../../parts/Skeleton";
import { Catalogue } from "./Catalogue";
import { Result } from "./Result";
import { newSecret } from "./secret";
import s from "./TestDialog.module.css";

const FIRST = "user.created";

/** Who was sent last in this window: what follows a sign-up is about the same person. */
let lastSent: number | undefined;

/** Signs an event with an endpoint's secret and sends it through the real listener. */
export function TestDialog({
  endpointId,
  onClose,
}: {
  endpointId: number | undefined;
  onClose: () => void;
}) {
  const { id: environmentId } = useEnvironment();
  const endpoints = useRpc("endpoints", "list", {});
  const here = endpoints.data?.filter((endpoint) => endpoint.environmentId === environmentId);
  const catalogue = useRpc("tests", "catalogue", {});
  const [chosen, setChosen] = useState(endpointId);
  const endpoint =
    here?.find((one) => one.id === chosen) ??
    here?.find((one) => one.secrets > 0 && !one.paused) ??
    here?.[0];

  const [type, setType] = useState(FIRST);
  const [person, setPerson] = useState<number>();
  const [body, setBody] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [sent, setSent] = useState<SentTest | null>(null);

  const make = useAct("tests", "make", {
    toastError: false,
    onDone: (sample) => {
      setBody(sample.body);
      setPerson(sample.person);
      setSent(null);
    },
  });
  const send = useAct("tests", "send", { toastError: false, onDone: setSent });
  const add = useAct("endpoints", "add", { toastError: false });

  const { mutate: makeSample } = make;
  useEffect(() => makeSample({ type: FIRST }), [makeSample]);

  const choose = (next: string) => {
    setType(next);
    const about = next.startsWith(FIRST) ? person : (lastSent ?? person);
    makeSample(about === undefined ? { type: next } : { type: next, person: about });
  };

  const busy = send.isPending || add.isPending;
  const ready =
    body !== "" && problem === null && here !== undefined && environmentId !== 0 && !busy;

  const submit = useCallback(async () => {
    if (!ready) return;
    setSent(null);
    try {
      const id =
        endpoint?.id ??
        (await add.mutateAsync({ environmentId, name: "Clerk", secret: newSecret() })).id;
      await send.mutateAsync({ endpointId: id, body });
      lastSent = person;
    } catch {
      // Both keep their error, which is shown in place.
    }
  }, [ready, endpoint?.id, environmentId, body, person, add, send]);
  useHotkey("mod+enter", () => void submit(), { inDialog: true, typing: true });

  const error = add.error ?? send.error ?? make.error ?? catalogue.error ?? endpoints.error;

  return (
    <Dialog
      open
      onClose={onClose}
      title="Send test event"
      description="Signed with the endpoint's own secret and sent through the real listener."
      width={780}
      footer={
        <>
          <div className={s.outcome} aria-live="polite">
            {sent !== null && <Result sent={sent} onOpen={onClose} />}
          </div>
          <Button onClick={() => makeSample({ type })} busy={make.isPending}>
            New person
          </Button>
          <Button
            variant="primary"
            kbd="mod+enter"
            busy={busy}
            disabled={!ready}
            onClick={() => void submit()}
          >
            Send
          </Button>
        </>
      }
    >
      <div className={s.columns}>
        <div className={s.left}>
          {here !== undefined && here.length > 0 && (
            <Field label="Endpoint">
              {(control) => (
                <Select
                  {...control}
                  label="Endpoint"
                  value={endpoint?.id ?? null}
                  onChange={setChosen}
                  options={here.map((one) => ({
                    value: one.id,
                    label: one.name,
                    hint: one.secrets === 0 ? "no secret yet" : one.paused ? "paused" : undefined,
                  }))}
                />
              )}
            </Field>
          )}
          {here?.length === 0 && (
            <p className={s.note}>
              There is no endpoint yet. Sending makes one named “Clerk” with a new secret, so
              nothing is needed from Clerk.
            </p>
          )}
          {catalogue.data === undefined ? (
            <Skeleton lines={5} />
          ) : (
            <Catalogue rows={catalogue.data} value={type} onChange={choose} />
          )}
        </div>
        <div className={s.right}>
          <p className={s.about} aria-live="polite">
            {catalogue.data?.find((row) => row.name === type)?.tests}
          </p>
          <CodeEditor
            label="Body of the event"
            value={body}
            onChange={setBody}
            onProblem={setProblem}
            minHeight={200}
            maxHeight={346}
          />
          {problem !== null && body !== "" && (
            <p className={s.problem} role="alert">
              {problem}
            </p>
          )}
        </div>
      </div>
      {error !== null && <ErrorNote error={error} />}
    </Dialog>
  );
}
