import { useNavigate } from "@tanstack/react-router";
import { type FormEvent, useId, useState } from "react";
import { useAct } from "../../ipc/hooks";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";
import { Field } from "../../parts/Field";
import { TextInput } from "../../parts/TextInput";
import styles from "./endpoint.module.css";

/** Asks for a name and, if it is at hand, the signing secret. */
export function AddEndpointDialog(props: {
  environmentId: number;
  suggestion: string;
  onClose: () => void;
}) {
  const [name, setName] = useState(props.suggestion);
  const [secret, setSecret] = useState("");
  const navigate = useNavigate();
  const form = useId();
  const add = useAct("endpoints", "add", {
    toastError: false,
    onDone: (endpoint) => {
      void navigate({ to: "/endpoints/$id", params: { id: String(endpoint.id) } });
    },
  });
  const aboutSecret = add.error?.code === "invalid" && secret.trim() !== "";

  function submit(event: FormEvent) {
    event.preventDefault();
    if (add.isPending || !name.trim()) return;
    add.mutate({
      environmentId: props.environmentId,
      name: name.trim(),
      ...(secret.trim() ? { secret: secret.trim() } : {}),
    });
  }

  return (
    <Dialog
      open
      onClose={props.onClose}
      title="Add endpoint"
      description="You get a URL to paste into Clerk."
      width={460}
      footer={
        <>
          <Button onClick={props.onClose}>Cancel</Button>
          <Button
            variant="primary"
            type="submit"
            form={form}
            busy={add.isPending}
            disabled={!name.trim()}
          >
            Add endpoint
          </Button>
        </>
      }
    >
      <form id={form} onSubmit={submit} className={styles.form}>
        <Field label="Name" error={aboutSecret ? undefined : add.error?.message}>
          {(control) => (
            <TextInput
              {...control}
              maxLength={60}
              value={name}
              onFocus={(event) => event.target.select()}
              onChange={(event) => {
                setName(event.target.value);
                add.reset();
              }}
            />
          )}
        </Field>
        <Field
          label="Signing secret (optional)"
          hint="Clerk shows it after you added the URL there. You can paste it later."
          error={aboutSecret ? add.error?.message : undefined}
        >
          {(control) => (
            <TextInput
              {...control}
              mono
              autoComplete="off"
              spellCheck={false}
              placeholder="whsec_…"
              value={secret}
              onChange={(event) => {
                setSecret(event.target.value);
                add.reset();
              }}
            />
          )}
        </Field>
      </form>
    </Dialog>
  );
}
