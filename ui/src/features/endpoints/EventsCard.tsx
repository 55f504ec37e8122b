import { useId, useState } from "react";
import type { EndpointDetail } from "../../ipc/gen/EndpointDetail";
import type { EndpointSettings } from "../../ipc/gen/EndpointSettings";
import type { EventSettings } from "../../ipc/gen/EventSettings";
import { cx } from "../../lib/cx";
import { count } from "../../lib/number";
import { Card } from "../../parts/Card";
import { Checkbox } from "../../parts/Checkbox";
import { ErrorNote } from "../../parts/ErrorNote";
import { Field } from "../../parts/Field";
import { IconButton } from "../../parts/IconButton";
import { IconChevronDown, IconChevronRight } from "../../parts/icons";
import { ListPicker } from "../../parts/ListPicker";
import { Select } from "../../parts/Select";
import { Switch } from "../../parts/Switch";
import { CommitInput } from "./CommitInput";
import styles from "./EventsCard.module.css";
import { useEndpointSettings } from "./settings";
import { eventDoes, hasNames, ON_DELETE } from "./words";

/** The five events: on or off, what each does, and its options. Saves as you go. */
export function EventsCard({ endpoint }: { endpoint: EndpointDetail }) {
  const { settings, problems, set, setEvent } = useEndpointSettings(endpoint);
  const [open, setOpen] = useState<string | null>(null);
  const week = new Map(endpoint.week.map((row) => [row.kind, row.count]));
  return (
    <Card title="Events">
      <ul className={styles.list}>
        {settings.events.map((event) => (
          <EventItem
            key={event.event}
            event={event}
            settings={settings}
            week={week.get(event.event) ?? 0}
            environmentId={endpoint.environmentId}
            problem={problems[event.event]}
            open={open === event.event}
            onOpen={() => setOpen(open === event.event ? null : event.event)}
            onChange={(patch) => setEvent(event.event, patch)}
            onSettings={set}
          />
        ))}
      </ul>
      <p className={styles.rest}>
        Anything else Clerk sends is acknowledged, kept for inspection and ignored.
      </p>
    </Card>
  );
}

interface ItemProps {
  event: EventSettings;
  settings: EndpointSettings;
  week: number;
  environmentId: number;
  problem: unknown;
  open: boolean;
  onOpen: () => void;
  onChange: (patch: Partial<EventSettings>) => void;
  onSettings: (patch: Partial<EndpointSettings>) => void;
}

function EventItem(props: ItemProps) {
  const { event, settings, week, problem, open, onOpen, onChange } = props;
  const panel = useId();
  return (
    <li className={styles.item}>
      <div className={styles.row}>
        <Switch
          checked={event.enabled}
          onChange={(enabled) => onChange({ enabled })}
          label={event.event}
          hideLabel
        />
        <code className={styles.name}>{event.event}</code>
        <span className={styles.does}>
          {eventDoes(event.event, { userGroup: event.userGroup, onDelete: settings.onDelete })}
        </span>
        <span className={styles.week}>{event.enabled ? `${count(week)} this week` : "off"}</span>
        <IconButton
          label={`Options of ${event.event}`}
          size="sm"
          aria-expanded={open}
          aria-controls={panel}
          onClick={onOpen}
        >
          {open ? <IconChevronDown size={14} /> : <IconChevronRight size={14} />}
        </IconButton>
      </div>
      {problem ? (
        <div className={styles.problem}>
          <ErrorNote error={problem} title="Not saved" />
        </div>
      ) : null}
      <div id={panel} hidden={!open} className={cx(styles.panel, !event.enabled && styles.off)}>
        {open ? <Options {...props} /> : null}
      </div>
    </li>
  );
}

function Options({ event, settings, environmentId, onChange, onSettings }: ItemProps) {
  const [problem, setProblem] = useState<unknown>(null);
  const custom = (
    <Field label="Extra custom event" hint="Recorded on the contact besides the one Clerk sends.">
      {(control) => (
        <CommitInput
          {...control}
          mono
          placeholder="none"
          value={event.customEvent ?? ""}
          onCommit={(text) => onChange({ customEvent: text || null })}
        />
      )}
    </Field>
  );
  if (event.event === "user.deleted") {
    return (
      <>
        <Field
          label="When a user is deleted"
          hint={ON_DELETE.find((choice) => choice.value === settings.onDelete)?.hint}
        >
          {(control) => (
            <Select
              id={control.id}
              label="When a user is deleted"
              value={settings.onDelete}
              onChange={(onDelete) => onSettings({ onDelete })}
              options={ON_DELETE.map(({ value, label, hint }) => ({ value, label, hint }))}
            />
          )}
        </Field>
        {custom}
      </>
    );
  }
  return (
    <>
      {hasNames(event.event) ? (
        <fieldset className={styles.names}>
          <legend>Take over besides email and user ID</legend>
          <Checkbox
            checked={event.firstName}
            onChange={(firstName) => onChange({ firstName })}
            label="First name"
          />
          <Checkbox
            checked={event.lastName}
            onChange={(lastName) => onChange({ lastName })}
            label="Last name"
          />
        </fieldset>
      ) : null}
      <Field label="User group" hint="For new contacts only.">
        {(control) => (
          <CommitInput
            {...control}
            placeholder="none"
            value={event.userGroup ?? ""}
            onCommit={(text) => onChange({ userGroup: text || null })}
          />
        )}
      </Field>
      <Field
        label="Mailing lists"
        hint="For new contacts only."
        error={problem instanceof Error ? problem.message : undefined}
      >
        {(control) => (
          <ListPicker
            {...control}
            environmentId={environmentId}
            value={event.mailingLists}
            onChange={(mailingLists) => {
              setProblem(null);
              onChange({ mailingLists });
            }}
            onProblem={setProblem}
          />
        )}
      </Field>
      {custom}
    </>
  );
}
