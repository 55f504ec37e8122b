import { type FormEvent, useState } from "react";
import type { ContactDetail } from "../../ipc/gen/ContactDetail";
import type { EditContact as Edit } from "../../ipc/gen/EditContact";
import { useAct } from "../../ipc/hooks";
import { Button } from "../../parts/Button";
import { ErrorNote } from "../../parts/ErrorNote";
import { Field } from "../../parts/Field";
import { ListPicker } from "../../parts/ListPicker";
import { TextInput } from "../../parts/TextInput";
import styles from "./ContactPane.module.css";

/** The fields of a contact that a person may change. */
export function EditContact({ contact, onClose }: { contact: ContactDetail; onClose: () => void }) {
  const [firstName, setFirstName] = useState(contact.firstName ?? "");
  const [lastName, setLastName] = useState(contact.lastName ?? "");
  const [userGroup, setUserGroup] = useState(contact.userGroup ?? "");
  const [listIds, setListIds] = useState(contact.listIds);
  const edit = useAct("contacts", "edit", { toastError: false, onDone: onClose });

  function submit(event: FormEvent) {
    event.preventDefault();
    if (edit.isPending) return;
    const changes = changed(contact, { firstName, lastName, userGroup, listIds });
    if (Object.keys(changes).length === 0) return onClose();
    edit.mutate({ id: contact.id, ...changes });
  }

  return (
    <form
      className={styles.form}
      onSubmit={submit}
      onKeyDown={(event) => {
        const listOpen = event.target instanceof Element && event.target.ariaExpanded === "true";
        if (event.key !== "Escape" || listOpen) return;
        event.stopPropagation();
        onClose();
      }}
    >
      <div className={styles.pair}>
        <Field label="First name">
          {(control) => (
            <TextInput
              {...control}
              autoFocus
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
      <Field
        label="Email"
        hint={
          contact.raw === null
            ? "The email of a contact is fixed. For another address, add another contact."
            : "The email is Clerk’s. Change it in Clerk, and it changes here."
        }
      >
        {(control) => (
          <TextInput {...control} value={contact.email} disabled className={styles.fixed} />
        )}
      </Field>
      <Field label="User group">
        {(control) => (
          <TextInput
            {...control}
            placeholder="none"
            value={userGroup}
            onChange={(event) => setUserGroup(event.target.value)}
          />
        )}
      </Field>
      <Field label="Mailing lists">
        {(control) => (
          <ListPicker
            {...control}
            environmentId={contact.environmentId}
            value={listIds}
            onChange={setListIds}
          />
        )}
      </Field>
      <p className={styles.none}>
        What you change here stays until Clerk itself changes that field.
      </p>
      {edit.error ? <ErrorNote error={edit.error} title="Not saved" /> : null}
      <div className={styles.buttons}>
        <Button type="submit" variant="primary" busy={edit.isPending}>
          Save
        </Button>
        <Button onClick={onClose}>Cancel</Button>
      </div>
    </form>
  );
}

/** Only what differs, since an edited field no longer follows what Clerk sent. */
function changed(
  contact: ContactDetail,
  form: { firstName: string; lastName: string; userGroup: string; listIds: number[] },
): Omit<Edit, "id"> {
  const edit: Omit<Edit, "id"> = {};
  for (const field of ["firstName", "lastName", "userGroup"] as const) {
    const text = form[field].trim();
    if (text !== (contact[field] ?? "")) edit[field] = text;
  }
  const before = [...contact.listIds].sort().join();
  if ([...form.listIds].sort().join() !== before) edit.listIds = form.listIds;
  return edit;
}
