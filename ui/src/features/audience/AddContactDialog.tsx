import { type FormEvent, useId, useState } from "react";
import { useAct } from "../../ipc/hooks";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";
import { Field } from "../../parts/Field";
import { ListPicker } from "../../parts/ListPicker";
import { TextInput } from "../../parts/TextInput";
import styles from "./ContactPane.module.css";

/** Adds a contact by hand. */
export function AddContactDialog(props: {
  environmentId: number;
  onClose: () => void;
  onAdded: (id: number) => void;
}) {
  const [email, setEmail] = useState("");
  const [firstName, setFirstName] = useState("");
  const [lastName, setLastName] = useState("");
  const [userGroup, setUserGroup] = useState("");
  const [listIds, setListIds] = useState<number[]>([]);
  const form = useId();
  const add = useAct("contacts", "add", {
    toastError: false,
    onDone: (contact) => {
      props.onClose();
      props.onAdded(contact.id);
    },
  });

  function submit(event: FormEvent) {
    event.preventDefault();
    if (add.isPending || !email.trim()) return;
    const given = Object.entries({ firstName, lastName, userGroup })
      .map(([field, text]) => [field, text.trim()] as const)
      .filter(([, text]) => text !== "");
    add.mutate({
      environmentId: props.environmentId,
      email: email.trim(),
      ...Object.fromEntries(given),
      ...(listIds.length > 0 ? { listIds } : {}),
    });
  }

  return (
    <Dialog
      open
      onClose={props.onClose}
      title="Add contact"
      description="By hand, into this environment. Clerk is not told."
      width={460}
      footer={
        <>
          <Button onClick={props.onClose}>Cancel</Button>
          <Button
            variant="primary"
            type="submit"
            form={form}
            busy={add.isPending}
            disabled={!email.trim()}
          >
            Add contact
          </Button>
        </>
      }
    >
      <form id={form} onSubmit={submit} className={styles.form}>
        <Field label="Email" error={add.error?.message}>
          {(control) => (
            <TextInput
              {...control}
              inputMode="email"
              autoComplete="off"
              spellCheck={false}
              placeholder="ada@example.com"
              value={email}
              onChange={(event) => {
                setEmail(event.target.value);
                add.reset();
              }}
            />
          )}
        </Field>
        <div className={styles.pair}>
          <Field label="First name">
            {(control) => (
              <TextInput
                {...control}
                value={firstName}
                onChange={(event) => setFirstName(event.target.value)}
              />
            )}
          </Field>
          <Field label="Last name">
            {(control) => (
              <TextInput
                {...control}
                value={lastName}
                onChange={(event) => setLastName(event.target.value)}
              />
            )}
          </Field>
        </div>
        <Field label="User group">
          {(control) => (
            <TextInput
              {...control}
              value={userGroup}
              onChange={(event) => setUserGroup(event.target.value)}
            />
          )}
        </Field>
        <Field label="Mailing lists">
          {(control) => (
            <ListPicker
              {...control}
              environmentId={props.environmentId}
              value={listIds}
              onChange={setListIds}
            />
          )}
        </Field>
      </form>
    </Dialog>
  );
}
