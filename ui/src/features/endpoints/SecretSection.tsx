import { type FormEvent, useEffect, useId, useState } from "react";
import type { EndpointDetail } from "../../ipc/gen/EndpointDetail";
import type { KeychainStatus } from "../../ipc/gen/KeychainStatus";
import type { MessageRow } from "../../ipc/gen/MessageRow";
import type { SecretRow } from "../../ipc/gen/SecretRow";
import { useAct, useRpc } from "../../ipc/hooks";
import { rpc } from "../../ipc/rpc";
import { plural } from "../../lib/words";
import { Button } from "../../parts/Button";
import { ConfirmDialog } from "../../parts/ConfirmDialog";
import { CopyButton } from "../../parts/CopyButton";
import { Dot } from "../../parts/Dot";
import { ErrorNote } from "../../parts/ErrorNote";
import { Field } from "../../parts/Field";
import { TextInput } from "../../parts/TextInput";
import { Time } from "../../parts/Time";
import styles from "./endpoint.module.css";

/** How long a revealed secret stays readable, in milliseconds. */
const REVEALED_FOR = 30_000;

/** The signing secrets of an endpoint: paste, reveal, rotate, remove. */
export function SecretSection(props: {
  endpoint: EndpointDetail;
  keychain: KeychainStatus | undefined;
}) {
  const { endpoint, keychain } = props;
  const [adding, setAdding] = useState(false);
  const none = endpoint.signingSecrets.length === 0;
  const [offer, setOffer] = useState(endpoint.lastVerified === null);
  const refused = useRpc(
    "messages",
    "list",
    { environmentId: endpoint.environmentId, query: "no_secret", limit: 1000 },
    { enabled: offer, still: true },
  );

  function saved() {
    setAdding(false);
    setOffer(true);
    void refused.refetch();
  }

  return (
    <section aria-label="Signing secret" className={styles.section}>
      {none ? null : (
        <h2 className={styles.label}>
          {endpoint.signingSecrets.length > 1 ? "Signing Secrets" : "Signing Secret"}
        </h2>
      )}
      {endpoint.signingSecrets.map((secret) => (
        <Secret key={secret.id} endpoint={endpoint} secret={secret} keychain={keychain} />
      ))}
      {none || adding ? (
        <AddSecret
          endpointId={endpoint.id}
          first={none}
          onDone={saved}
          onCancel={none ? undefined : () => setAdding(false)}
        />
      ) : (
        <div className={styles.more}>
          <Button variant="quiet" size="sm" onClick={() => setAdding(true)}>
            Add another (rotation)
          </Button>
          <span>A message is accepted when any of its secrets fits.</span>
        </div>
      )}
      {none || !offer ? null : (
        <VerifyAgain endpoint={endpoint} refused={refused.data?.rows ?? []} />
      )}
    </section>
  );
}

function AddSecret(props: {
  endpointId: number;
  first: boolean;
  onDone: () => void;
  onCancel?: (() => void) | undefined;
}) {
  const [text, setText] = useState("");
  const add = useAct("endpoints", "add_secret", { toastError: false });
  const secret = text.trim();

  function submit(event: FormEvent) {
    event.preventDefault();
    if (!secret || add.isPending) return;
    setText(secret);
    add.mutate(
      { id: props.endpointId, secret },
      {
        onSuccess: () => {
          setText("");
          props.onDone();
        },
      },
    );
  }

  return (
    <form onSubmit={submit} className={styles.addSecret}>
      <Field
        label={props.first ? "Signing Secret" : "New signing secret"}
        hint={
          props.first
            ? "Paste it from Clerk: open the endpoint there, press the eye beside Signing Secret, copy. It starts with whsec_."
            : "Keep the old one here until Clerk stops using it."
        }
        error={add.error?.message}
      >
        {(control) => (
          <div className={styles.inputRow}>
            <TextInput
              {...control}
              mono
              autoComplete="off"
              spellCheck={false}
              placeholder="whsec_…"
              value={text}
              invalid={add.isError}
              autoFocus={!props.first}
              onChange={(event) => {
                setText(event.target.value);
                if (add.isError) add.reset();
              }}
            />
            <Button type="submit" variant="primary" busy={add.isPending} disabled={!secret}>
              Save
            </Button>
            {props.onCancel ? (
              <Button variant="quiet" onClick={props.onCancel}>
                Cancel
              </Button>
            ) : null}
          </div>
        )}
      </Field>
    </form>
  );
}

function Secret(props: {
  endpoint: EndpointDetail;
  secret: SecretRow;
  keychain: KeychainStatus | undefined;
}) {
  const { endpoint, secret, keychain } = props;
  const [shown, setShown] = useState<string | null>(null);
  const [problem, setProblem] = useState<unknown>(null);
  const [removing, setRemoving] = useState(false);
  const remove = useAct("endpoints", "remove_secret", { toastError: false });
  const name = `secret ending in ${secret.hint}`;
  const titleId = useId();

  useEffect(() => {
    if (shown === null) return;
    const timer = setTimeout(() => setShown(null), REVEALED_FOR);
    return () => clearTimeout(timer);
  }, [shown]);

  async function reveal() {
    setProblem(null);
    try {
      const reply = await rpc("endpoints", "reveal_secret", {
        id: endpoint.id,
        secretId: secret.id,
      });
      setShown(reply.secret);
    } catch (error) {
      setProblem(error);
    }
  }

  return (
    <div className={styles.secret}>
      <div className={styles.box}>
        <code className={styles.value} id={titleId}>
          {shown ?? (
            <>
              <span aria-hidden="true">whsec_••••••••••••••••••••{secret.hint}</span>
              <span className="visually-hidden">Hidden {name}</span>
            </>
          )}
        </code>
        {shown === null ? (
          <Button size="sm" onClick={reveal} aria-label={`Reveal ${name}`}>
            Reveal
          </Button>
        ) : (
          <>
            <CopyButton text={shown} what={`Copy ${name}`} size="sm" />
            <Button size="sm" onClick={() => setShown(null)} aria-label={`Hide ${name}`}>
              Hide
            </Button>
          </>
        )}
        <Button size="sm" onClick={() => setRemoving(true)} aria-label={`Remove ${name}`}>
          Remove
        </Button>
      </div>
      <p className={styles.state}>
        {secret.readable ? (
          <>
            <Dot tone={secret.lastVerifiedAt === null ? "grey" : "green"} />
            <span>
              {secret.lastVerifiedAt === null ? (
                "No signature verified yet"
              ) : (
                <>
                  Last signature verified <Time at={secret.lastVerifiedAt} mode="clock" />
                </>
              )}
              {" · added "}
              <Time at={secret.addedAt} mode="clock" />
              {keychain
                ? keychain.kind === "system"
                  ? " · kept in the system keychain"
                  : " · kept in a file in the data folder"
                : null}
            </span>
          </>
        ) : (
          <>
            <Dot tone="red" />
            <span>
              Not readable: the keychain does not give it out. Unlock the keychain, or paste the
              secret again.
            </span>
          </>
        )}
      </p>
      {problem ? <ErrorNote error={problem} retry={reveal} title="Not revealed" /> : null}
      <ConfirmDialog
        open={removing}
        onClose={() => setRemoving(false)}
        onConfirm={() => remove.mutateAsync({ id: endpoint.id, secretId: secret.id })}
        title="Remove this signing secret?"
        confirm="Remove"
        danger
      >
        {endpoint.signingSecrets.length === 1
          ? "It is the only one. Until you paste another, messages to this endpoint are kept but refused."
          : `Messages that Clerk signs with the ${name} will be refused from now on. The other secrets stay.`}
      </ConfirmDialog>
    </div>
  );
}

/** Offers to verify the messages that arrived before there was a secret. */
function VerifyAgain(props: { endpoint: EndpointDetail; refused: readonly MessageRow[] }) {
  const { endpoint, refused } = props;
  const verify = useAct("messages", "verify", { toastError: false });
  const waiting = refused.filter(
    (row) =>
      row.endpointId === endpoint.id && row.outcome === "refused" && row.reason === "no_secret",
  ).length;
  if (waiting === 0 && !verify.data && !verify.error) return null;
  return (
    <div className={styles.notice} role="status">
      {waiting > 0 ? (
        <>
          <span>
            {plural(waiting, "message")} arrived before there was a secret and{" "}
            {waiting === 1 ? "was" : "were"} kept.
          </span>
          <Button
            size="sm"
            busy={verify.isPending}
            onClick={() => verify.mutate({ endpointId: endpoint.id })}
          >
            Verify {waiting} again
          </Button>
        </>
      ) : null}
      {verify.data ? <span>{verify.data.sentence}</span> : null}
      {verify.error ? <ErrorNote error={verify.error} title="Not verified" /> : null}
    </div>
  );
}
