import { type FormEvent, Fragment, useEffect, useId, useRef, useState } from "react";
import type { EndpointDetail } from "../../ipc/gen/EndpointDetail";
import type { KeychainStatus } from "../../ipc/gen/KeychainStatus";
import type { MessageRow } from "../../ipc/gen/MessageRow";
import type { SecretRow } from "../../ipc/gen/SecretRow";
import { useAct } from "../../ipc/hooks";
import { rpc } from "../../ipc/rpc";
import { toast } from "../../lib/toast";
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

/** The signing secrets of an endpoint: paste, reveal, rotate, replace, remove. */
export function SecretSection(props: {
  endpoint: EndpointDetail;
  keychain: KeychainStatus | undefined;
  /** The message that was refused last, and how many there are. */
  refused: MessageRow | undefined;
  refusedCount: number;
}) {
  const { endpoint, keychain, refused, refusedCount } = props;
  const [adding, setAdding] = useState<number | "another" | null>(null);
  const secrets = endpoint.signingSecrets;
  const none = secrets.length === 0;
  const newest = Math.max(...secrets.map((secret) => secret.addedAt));
  const section = useRef<HTMLElement>(null);
  const done = () => {
    setAdding(null);
    section.current?.focus({ preventScroll: true });
  };
  const form = (replaces?: SecretRow) => (
    <AddSecret
      endpointId={endpoint.id}
      first={none}
      replaces={replaces}
      onDone={done}
      onCancel={none ? undefined : done}
    />
  );

  return (
    <section ref={section} tabIndex={-1} aria-label="Signing secret" className={styles.section}>
      {none ? null : (
        <h2 className={styles.label}>
          {secrets.length > 1 ? "Signing Secrets" : "Signing Secret"}
        </h2>
      )}
      {secrets.map((secret) => (
        <Fragment key={secret.id}>
          <Secret
            endpoint={endpoint}
            secret={secret}
            keychain={keychain}
            foreign={
              endpoint.state === "failing" &&
              refused?.reason === "wrong_secret" &&
              refused.receivedAt > secret.addedAt
            }
            onReplace={() => setAdding(secret.id)}
          />
          {adding === secret.id ? form(secret) : null}
        </Fragment>
      ))}
      {none || adding === "another" ? (
        form()
      ) : adding === null ? (
        <div className={styles.more}>
          <Button variant="quiet" size="sm" onClick={() => setAdding("another")}>
            Add another (rotation)
          </Button>
          <span>A message is accepted when any of its secrets fits.</span>
        </div>
      ) : null}
      {none ? null : (
        <VerifyAgain
          key={newest}
          endpoint={endpoint}
          waiting={refused !== undefined && refused.receivedAt < newest ? refusedCount : 0}
        />
      )}
    </section>
  );
}

function AddSecret(props: {
  endpointId: number;
  first: boolean;
  /** Goes once the new one is here. */
  replaces?: SecretRow | undefined;
  onDone: () => void;
  onCancel?: (() => void) | undefined;
}) {
  const [text, setText] = useState("");
  const add = useAct("endpoints", "add_secret", { toastError: false });
  const remove = useAct("endpoints", "remove_secret", {
    onDone: () => toast({ title: "Signing secret replaced." }),
  });
  const { replaces } = props;
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
          if (replaces) remove.mutate({ id: props.endpointId, secretId: replaces.id });
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
            : replaces
              ? `The one ending in ${replaces.hint} is removed as soon as this one is saved.`
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
  /** What came last was signed with none of the secrets here. */
  foreign: boolean;
  onReplace: () => void;
}) {
  const { endpoint, secret, keychain, foreign, onReplace } = props;
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
              <span aria-hidden="true">whsec_••••••••{secret.hint}</span>
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
        <Button size="sm" onClick={onReplace} aria-label={`Replace ${name}…`}>
          Replace…
        </Button>
        <Button size="sm" onClick={() => setRemoving(true)} aria-label={`Remove ${name}`}>
          Remove
        </Button>
      </div>
      <p className={styles.state}>
        {secret.readable ? (
          <>
            <Dot tone={secret.lastVerifiedAt !== null ? "green" : foreign ? "red" : "grey"} />
            <span>
              {secret.lastVerifiedAt === null ? (
                foreign ? (
                  "The last message was signed with another secret"
                ) : (
                  "No signature verified yet"
                )
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

function focusOnce(element: HTMLElement | null) {
  element?.focus({ preventScroll: true });
}

/** Offers to verify what was refused before the newest secret was here. */
function VerifyAgain({ endpoint, waiting }: { endpoint: EndpointDetail; waiting: number }) {
  const verify = useAct("messages", "verify", { toastError: false });
  if (verify.data) {
    return (
      <p ref={focusOnce} tabIndex={-1} className={styles.notice} role="status">
        {verify.data.sentence}
      </p>
    );
  }
  if (waiting === 0) return null;
  return (
    <div className={styles.notice} role="status">
      <span>
        {plural(waiting, "refused message")} came before{" "}
        {endpoint.secrets > 1 ? "the newest secret" : "this secret"} and{" "}
        {waiting === 1 ? "was" : "were"} kept.
      </span>
      <Button
        size="sm"
        busy={verify.isPending}
        onClick={() => verify.mutate({ endpointId: endpoint.id })}
      >
        Verify {plural(waiting, "refused message")} again
      </Button>
      {verify.error ? <ErrorNote error={verify.error} title="Not verified" /> : null}
    </div>
  );
}
