import { type FormEvent, useId, useState } from "react";
import type { ForwardRow } from "../../ipc/gen/ForwardRow";
import { useAct } from "../../ipc/hooks";
import { toast } from "../../lib/toast";
import { Button } from "../../parts/Button";
import { Checkbox } from "../../parts/Checkbox";
import { Dialog } from "../../parts/Dialog";
import { ErrorNote } from "../../parts/ErrorNote";
import { Field } from "../../parts/Field";
import { Select } from "../../parts/Select";
import { TextInput } from "../../parts/TextInput";
import endpoint from "./endpoint.module.css";
import styles from "./ForwardDialog.module.css";
import { readTypes, urlProblem } from "./forwards";
import { type HeaderDraft, HeaderRows, toHeaders } from "./HeaderRows";

type Place = "url" | "secret" | "headers" | "types";

/** Adds a forward, or edits one. */
export function ForwardDialog(props: {
  endpointId: number;
  forward: ForwardRow | null;
  onClose: () => void;
}) {
  const { endpointId, forward, onClose } = props;
  const [url, setUrl] = useState(forward?.url ?? "");
  const [which, setWhich] = useState<"all" | "some">(forward?.types.length ? "some" : "all");
  const [types, setTypes] = useState(forward?.types.join(" ") ?? "");
  const [signature, setSignature] = useState(forward?.signature ?? "original");
  const [secret, setSecret] = useState("");
  const [headers, setHeaders] = useState<readonly HeaderDraft[]>(forward?.headers ?? []);
  const [retries, setRetries] = useState(forward?.retries ?? "svix");
  const [allowPublic, setAllowPublic] = useState(forward?.allowPublic ?? false);
  const [wrong, setWrong] = useState<Partial<Record<Place, string>>>({});
  const form = useId();

  const done = () => {
    toast({ title: forward === null ? "Forward added" : "Forward saved" });
    onClose();
  };
  const add = useAct("forwards", "add", { toastError: false, onDone: done });
  const update = useAct("forwards", "update", { toastError: false, onDone: done });
  const act = forward === null ? add : update;
  const said = act.error === null ? null : { place: placeOf(act.error), text: act.error.message };
  const errorAt = (place: Place) => wrong[place] ?? (said?.place === place ? said.text : undefined);

  function touch() {
    setWrong({});
    add.reset();
    update.reset();
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    if (act.isPending) return;
    const chosen = which === "all" ? [] : readTypes(types);
    const found: Partial<Record<Place, string>> = {};
    const badUrl = urlProblem(url.trim());
    if (badUrl !== null) found.url = badUrl;
    if (which === "some" && chosen.length === 0) found.types = "Name at least one type or pattern.";
    if (headers.some((one) => one.name.trim() === "" && one.value.trim() !== ""))
      found.headers = "A header needs a name.";
    const keeps = forward?.signature === "fresh" && forward.secretHint !== null;
    if (signature === "fresh" && secret.trim() === "" && !keeps)
      found.secret = "Paste the secret that your app verifies with. It starts with whsec_.";
    setWrong(found);
    if (Object.keys(found).length > 0) return;
    const fields = {
      url: url.trim(),
      types: chosen,
      headers: toHeaders(headers),
      signature,
      retries,
      allowPublic,
      ...(signature === "fresh" && secret.trim() !== "" ? { secret: secret.trim() } : {}),
    };
    if (forward === null) add.mutate({ endpointId, ...fields });
    else update.mutate({ id: forward.id, ...fields });
  }

  return (
    <Dialog
      open
      onClose={onClose}
      title={forward === null ? "Add forward" : "Edit forward"}
      description="A copy of every accepted message, in order for each user or object."
      width={520}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            variant="primary"
            type="submit"
            form={form}
            busy={act.isPending}
            disabled={url.trim() === ""}
          >
            {forward === null ? "Add forward" : "Save"}
          </Button>
        </>
      }
    >
      <form id={form} onSubmit={submit} className={endpoint.form} noValidate>
        <Field label="URL" error={errorAt("url")}>
          {(control) => (
            <TextInput
              {...control}
              mono
              inputMode="url"
              placeholder="http://localhost:3000/api/webhooks"
              value={url}
              onChange={(event) => {
                setUrl(event.target.value);
                touch();
              }}
            />
          )}
        </Field>
        <div className={styles.pair}>
          <Field label="Events">
            {(control) => (
              <Select
                {...control}
                label="Events"
                value={which}
                onChange={(next) => {
                  setWhich(next);
                  touch();
                }}
                options={[
                  { value: "all", label: "All events" },
                  { value: "some", label: "Only these" },
                ]}
              />
            )}
          </Field>
          <Field label="When it fails">
            {(control) => (
              <Select
                {...control}
                label="When it fails"
                value={retries}
                onChange={setRetries}
                options={[
                  {
                    value: "svix",
                    label: "Try again as Svix does",
                    hint: "5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 10 h",
                  },
                  { value: "none", label: "Give up at once" },
                ]}
              />
            )}
          </Field>
        </div>
        {which === "some" && (
          <Field
            label="Types or patterns"
            hint="With blanks between them; a star stands for anything."
            error={errorAt("types")}
          >
            {(control) => (
              <TextInput
                {...control}
                mono
                placeholder="user.* waitlistEntry.created"
                value={types}
                onChange={(event) => {
                  setTypes(event.target.value);
                  touch();
                }}
              />
            )}
          </Field>
        )}
        <Field
          label="Signature"
          hint={
            signature === "original"
              ? "Passed on as it came: your app verifies it with the secret of Clerk's endpoint, for five minutes. Later attempts need the other one."
              : "Made at each attempt, with a secret of your own, so late attempts verify too."
          }
        >
          {(control) => (
            <Select
              {...control}
              label="Signature"
              value={signature}
              onChange={(next) => {
                setSignature(next);
                touch();
              }}
              options={[
                { value: "original", label: "Clerk's signature (real messages, for 5 minutes)" },
                { value: "fresh", label: "Signed by Usher (replays and tests too)" },
              ]}
            />
          )}
        </Field>
        {signature === "fresh" && (
          <Field
            label="Secret to sign with"
            hint={
              forward !== null && forward.secretHint !== null
                ? `Left empty, the one ending in ${forward.secretHint} stays.`
                : "The one your app verifies with."
            }
            error={errorAt("secret")}
          >
            {(control) => (
              <TextInput
                {...control}
                mono
                placeholder="whsec_…"
                value={secret}
                onChange={(event) => {
                  setSecret(event.target.value);
                  touch();
                }}
              />
            )}
          </Field>
        )}
        <HeaderRows
          headers={headers}
          error={errorAt("headers")}
          onChange={(next) => {
            setHeaders(next);
            touch();
          }}
        />
        <div>
          <Checkbox
            checked={allowPublic}
            onChange={(next) => {
              setAllowPublic(next);
              touch();
            }}
            label="Allow an address outside this machine and its networks"
          />
          {allowPublic && (
            <p className={styles.warning} role="status">
              Every message then leaves this machine: names, email addresses and metadata of your
              users. Use it only for a server of your own.
            </p>
          )}
        </div>
        {said !== null && said.place === null && (
          <ErrorNote error={act.error} title={forward === null ? "Not added" : "Not saved"} />
        )}
      </form>
    </Dialog>
  );
}

/** The field that a refusal speaks of. */
function placeOf(error: { code: string; message: string }): Place | null {
  if (error.code !== "invalid" && error.code !== "conflict") return null;
  if (/secret|whsec/i.test(error.message)) return "secret";
  if (/header/i.test(error.message)) return "headers";
  if (/pattern|type/i.test(error.message)) return "types";
  return "url";
}
