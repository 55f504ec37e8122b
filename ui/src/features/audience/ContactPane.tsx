import { useState } from "react";
import type { ContactDetail } from "../../ipc/gen/ContactDetail";
import { useAct, useRpc } from "../../ipc/hooks";
import { copyText } from "../../lib/copy";
import { toast } from "../../lib/toast";
import { fieldLabel } from "../../lib/words";
import { Avatar } from "../../parts/Avatar";
import { Tag } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { ConfirmDialog } from "../../parts/ConfirmDialog";
import { CopyButton } from "../../parts/CopyButton";
import { Empty } from "../../parts/Empty";
import { ErrorNote } from "../../parts/ErrorNote";
import { IconButton } from "../../parts/IconButton";
import { Id } from "../../parts/Id";
import { IconMore } from "../../parts/icons";
import { JsonView } from "../../parts/JsonView";
import { KeyValue } from "../../parts/KeyValue";
import { LinkButton } from "../../parts/LinkButton";
import { Menu } from "../../parts/Menu";
import { Skeleton } from "../../parts/Skeleton";
import { Switch } from "../../parts/Switch";
import { Tabs } from "../../parts/Tabs";
import { Time } from "../../parts/Time";
import styles from "./ContactPane.module.css";
import { EditContact } from "./EditContact";
import { useRemoveContacts } from "./remove";
import { Timeline } from "./Timeline";
import { called, fullName } from "./words";

type Tab = "timeline" | "properties" | "clerk";

/** One contact: who it is, what is known, and how that came about. */
export function ContactPane({ id, onClose }: { id: number; onClose: () => void }) {
  const contact = useRpc("contacts", "show", { id }, { every: 1000 });
  if (contact.error?.code === "notFound") {
    return (
      <Empty title="This contact is gone" actions={<Button onClick={onClose}>Close</Button>}>
        It was removed, by hand or by a user.deleted message. It comes back if Clerk sends something
        newer about that person.
      </Empty>
    );
  }
  if (contact.data) return <Loaded contact={contact.data} onClose={onClose} />;
  return (
    <div className={styles.pane}>
      {contact.error ? (
        <ErrorNote error={contact.error} retry={() => contact.refetch()} />
      ) : (
        <Skeleton lines={8} />
      )}
    </div>
  );
}

function Loaded({ contact, onClose }: { contact: ContactDetail; onClose: () => void }) {
  const [editing, setEditing] = useState(false);
  const [removing, setRemoving] = useState(false);
  const [tab, setTab] = useState<Tab>("timeline");
  const remove = useRemoveContacts();
  const name = fullName(contact);

  async function confirmRemove() {
    await remove.run([contact.id], called(contact));
    onClose();
  }

  return (
    <article className={styles.pane} aria-label={called(contact)}>
      <header className={styles.top}>
        <Avatar name={called(contact)} size={44} />
        <div className={styles.who}>
          <h2>{name || contact.email}</h2>
          {name ? <p>{contact.email}</p> : null}
        </div>
        {editing ? null : <Button onClick={() => setEditing(true)}>Edit</Button>}
        <Menu
          label="More about this contact"
          align="end"
          trigger={
            <IconButton label="More">
              <IconMore />
            </IconButton>
          }
          items={[
            {
              label: "Copy email",
              onSelect: () =>
                void copyText(contact.email).then(
                  () => toast({ title: "Email copied" }),
                  (error: Error) => toast({ title: error.message, tone: "red" }),
                ),
            },
            { separator: true },
            { label: "Remove…", tone: "danger", onSelect: () => setRemoving(true) },
          ]}
        />
      </header>
      {editing ? (
        <EditContact contact={contact} onClose={() => setEditing(false)} />
      ) : (
        <Summary contact={contact} />
      )}
      <Tabs
        value={tab}
        onChange={setTab}
        tabs={[
          { value: "timeline", label: "Timeline" },
          { value: "properties", label: "Properties" },
          { value: "clerk", label: "Clerk object" },
        ]}
      >
        {tab === "timeline" ? (
          <Timeline contactId={contact.id} />
        ) : tab === "properties" ? (
          <Properties contact={contact} />
        ) : (
          <ClerkObject contact={contact} />
        )}
      </Tabs>
      <ConfirmDialog
        open={removing}
        onClose={() => setRemoving(false)}
        onConfirm={confirmRemove}
        title={`Remove ${called(contact)}?`}
        confirm="Remove contact"
        danger
      >
        The contact leaves the audience. Nothing changes in Clerk: if Clerk sends something newer
        about this person, the contact comes back.
      </ConfirmDialog>
    </article>
  );
}

function Summary({ contact }: { contact: ContactDetail }) {
  const held = (field: string) => contact.edited.includes(field);
  return (
    <div className={styles.summary}>
      <KeyValue
        labelWidth={104}
        items={[
          {
            label: "User ID",
            value: contact.userId ? <Id value={contact.userId} max={34} /> : <None>none yet</None>,
          },
          { label: "Source", value: contact.source },
          {
            label: "Group",
            value: (
              <span className={styles.tags}>
                {contact.userGroup ? <Tag>{contact.userGroup}</Tag> : <None>none</None>}
                <ByHand when={held("userGroup")} />
              </span>
            ),
          },
          {
            label: "Lists",
            value: (
              <span className={styles.tags}>
                {contact.lists.length > 0 ? (
                  contact.lists.map((list) => <Tag key={list}>{list}</Tag>)
                ) : (
                  <None>none</None>
                )}
                <ByHand when={held("lists")} />
              </span>
            ),
          },
          { label: "Subscribed", value: <Subscribed contact={contact} /> },
          ...(contact.waitlistStatus ? [{ label: "Waitlist", value: contact.waitlistStatus }] : []),
        ]}
      />
      {contact.deletedInClerkAt === null ? null : (
        <p className={styles.note}>
          Deleted in Clerk <Time at={contact.deletedInClerkAt} mode="clock" />. The contact stayed,
          as its endpoint says.
        </p>
      )}
    </div>
  );
}

/** The switch that shows the new state at once and falls back when saving fails. */
function Subscribed({ contact }: { contact: ContactDetail }) {
  const edit = useAct("contacts", "edit", { toastError: false });
  const [wanted, setWanted] = useState<boolean | null>(null);
  if (wanted === contact.subscribed) setWanted(null);
  return (
    <span className={styles.subscribed}>
      <Switch
        checked={wanted ?? contact.subscribed}
        onChange={(subscribed) => {
          setWanted(subscribed);
          edit.mutate({ id: contact.id, subscribed }, { onError: () => setWanted(null) });
        }}
        label="Subscribed"
        hideLabel
      />
      <ByHand when={contact.edited.includes("subscribed")} />
      {edit.error ? <ErrorNote error={edit.error} title="Not saved" /> : null}
    </span>
  );
}

function Properties({ contact }: { contact: ContactDetail }) {
  const field = (name: string, value: string | null) => ({
    label: fieldLabel(name),
    value: (
      <span className={styles.tags}>
        {value ? <span className={styles.value}>{value}</span> : <None>empty</None>}
        <ByHand when={contact.edited.includes(name)} />
      </span>
    ),
  });
  return (
    <KeyValue
      labelWidth={104}
      items={[
        {
          label: "Email",
          value: (
            <span className={styles.tags}>
              <span className={styles.value}>{contact.email}</span>
              <CopyButton text={contact.email} what="Copy email" size="sm" iconOnly />
            </span>
          ),
        },
        field("firstName", contact.firstName),
        field("lastName", contact.lastName),
        {
          label: fieldLabel("userId"),
          value: contact.userId ? <Id value={contact.userId} max={34} /> : <None>empty</None>,
        },
        field("userGroup", contact.userGroup),
        field("lists", contact.lists.join(", ")),
        field("subscribed", contact.subscribed ? "yes" : "no"),
        field("source", contact.source),
        ...(contact.waitlistStatus ? [{ label: "Waitlist", value: contact.waitlistStatus }] : []),
        { label: "Created", value: <Time at={contact.createdAt} mode="clock" /> },
        { label: "Changed", value: <Time at={contact.updatedAt} mode="clock" /> },
      ]}
    />
  );
}

function ClerkObject({ contact }: { contact: ContactDetail }) {
  if (contact.raw === null) {
    return (
      <Empty title="Nothing from Clerk">
        This contact was added by hand. Clerk’s object appears here with the first message about
        this person.
      </Empty>
    );
  }
  return (
    <div className={styles.raw}>
      <div className={styles.rawTop}>
        <span>The newest that Clerk sent</span>
        {contact.rawMessageId === null ? null : (
          <LinkButton to="/messages" search={{ id: contact.rawMessageId }} size="sm">
            Open message
          </LinkButton>
        )}
        <CopyButton text={contact.raw} what="Copy Clerk object" size="sm" />
      </div>
      <JsonView text={contact.raw} />
    </div>
  );
}

function ByHand({ when }: { when: boolean }) {
  return when ? (
    <span className={styles.hand} title="Stays until Clerk itself changes this field">
      edited by hand
    </span>
  ) : null;
}

function None({ children }: { children: string }) {
  return <span className={styles.none}>{children}</span>;
}
