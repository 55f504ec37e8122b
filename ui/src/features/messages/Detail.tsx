import { Link } from "@tanstack/react-router";
import { memo } from "react";
import { useEnvironment } from "../../ipc/environment";
import type { MessageDetail } from "../../ipc/gen/MessageDetail";
import type { TouchedContact } from "../../ipc/gen/TouchedContact";
import { useSearchParam } from "../../lib/search";
import { plural } from "../../lib/words";
import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import { Changes } from "../../parts/Changes";
import { Id } from "../../parts/Id";
import { JsonView } from "../../parts/JsonView";
import { LinkButton } from "../../parts/LinkButton";
import { OutcomeBadge } from "../../parts/OutcomeBadge";
import { Tabs } from "../../parts/Tabs";
import { Time } from "../../parts/Time";
import type { Actions } from "./actions";
import type { Asks } from "./asks";
import { Deliveries } from "./Deliveries";
import s from "./Detail.module.css";
import { DetailActions } from "./DetailActions";
import { Headers } from "./Headers";
import { linksOf } from "./known";
import { Raw } from "./Raw";
import { Steps } from "./Steps";
import { VerificationTab } from "./VerificationTab";

type Tab = "payload" | "headers" | "verification" | "deliveries" | "raw";
const TABS: readonly Tab[] = ["payload", "headers", "verification", "deliveries", "raw"];

interface DetailProps {
  message: MessageDetail;
  actions: Actions;
  asks: Asks;
}

/**
 * Everything about one message. Drawn when there is time for it and only when it is another one: while
 * somebody pages through the list, the list goes first.
 */
export const Detail = memo(function Detail({ message, actions, asks }: DetailProps) {
  const [tabText, setTab] = useSearchParam("tab");
  const { env } = useEnvironment();
  const tab = TABS.find((one) => one === tabText) ?? "payload";
  const answered = message.steps.find((step) => step.name === "answered")?.afterUs;
  const forwarded = message.steps.filter((step) => step.name === "forward").length;
  const took = answered === null || answered === undefined ? "" : ` in ${duration(answered)}`;

  return (
    <article className={s.detail} aria-labelledby="message-title">
      <header className={s.head}>
        <h2 id="message-title" className={s.title}>
          {message.type || "No readable type"}
        </h2>
        <OutcomeBadge outcome={message.outcome} reason={message.reason} />
        <span className={s.status}>
          {message.status}
          {took}
        </span>
        {message.pinned && <Badge tone="grey">Pinned</Badge>}
        <DetailActions message={message} actions={actions} asks={asks} />
      </header>
      <p className={s.meta}>
        {message.svixId === null ? "no svix-id" : <Id value={message.svixId} max={32} />}
        {" · received "}
        <Time at={message.receivedAt} mode="exact" />
        {` · ${message.endpoint}`}
        {env !== undefined && ` · ${env.name}`}
        {message.test && " · test"}
        {message.originId !== null && (
          <>
            {" · "}
            <Link to="/messages" search={{ id: message.originId }} className={s.origin}>
              replay of message {message.originId}
            </Link>
          </>
        )}
      </p>
      {message.sentence !== message.verification.sentence && (
        <p className={s.sentence}>
          {message.sentence}
          {message.againstId !== null && (
            <>
              {" "}
              <Link to="/messages" search={{ id: message.againstId }} className={s.origin}>
                Open message {message.againstId}
              </Link>
            </>
          )}
        </p>
      )}
      <Notes message={message} />
      <div className={s.cards}>
        <Card>
          <Steps steps={message.steps} said={message.sentence} />
        </Card>
        {message.outcome === "refused" ? (
          <Refusal message={message} />
        ) : (
          <Touched
            touched={message.touched}
            onCompare={() => void asks.comparePrevious(message.id)}
          />
        )}
      </div>
      <Tabs<Tab>
        label="Parts of the message"
        value={tab}
        onChange={(next) => setTab(next === "payload" ? undefined : next)}
        tabs={[
          { value: "payload", label: "Payload" },
          { value: "headers", label: "Headers", count: message.headers.length },
          { value: "verification", label: "Verification" },
          { value: "deliveries", label: "Deliveries", ...(forwarded > 0 && { count: forwarded }) },
          { value: "raw", label: "Raw" },
        ]}
      >
        {tab === "payload" && <Payload message={message} />}
        {tab === "headers" && <Headers headers={message.headers} />}
        {tab === "verification" && <VerificationTab message={message} />}
        {tab === "deliveries" && <Deliveries messageId={message.id} />}
        {tab === "raw" && (notKept(message) ? <NotKept /> : <Raw message={message} />)}
      </Tabs>
    </article>
  );
});

/** A body of up to this many characters is shown whole, and scrolls with the pane. */
const WHOLE = 12_000;
const WHOLE_HEIGHT = 3000;

function notKept(message: MessageDetail): boolean {
  return message.bodyText === "" && message.bodySize > 0;
}

function NotKept() {
  return <p className={s.quiet}>The body was too large and was not kept.</p>;
}

function Payload({ message }: { message: MessageDetail }) {
  if (notKept(message)) return <NotKept />;
  if (message.bodyText === null) {
    return <p className={s.quiet}>The body is not text. Its bytes are under Raw.</p>;
  }
  if (message.bodyText === "") return <p className={s.quiet}>The body is empty.</p>;
  return (
    <JsonView
      text={message.bodyText}
      linksOf={(value) => linksOf(value, message)}
      maxHeight={message.bodyText.length <= WHOLE ? WHOLE_HEIGHT : undefined}
    />
  );
}

function Notes({ message }: { message: MessageDetail }) {
  if (message.duplicates === 0 && !message.otherInstance) return null;
  return (
    <ul className={s.notes}>
      {message.duplicates > 0 && (
        <li>
          Delivered {plural(message.duplicates, "more time")}
          {message.lastDuplicateAt !== null && (
            <>
              , last at <Time at={message.lastDuplicateAt} mode="clock" />
            </>
          )}
          . Repeated deliveries are answered and change nothing.
        </li>
      )}
      {message.alteredDuplicate && (
        <li className={s.warn}>
          One of them had a different body under the same id. The first one counts.
        </li>
      )}
      {message.otherInstance && (
        <li className={s.warn}>
          It comes from another Clerk instance
          {message.instanceId === null ? "" : ` (${message.instanceId})`} than the first one seen in
          this environment. Check that the endpoint belongs here.
        </li>
      )}
    </ul>
  );
}

function Touched({
  touched,
  onCompare,
}: {
  touched: readonly TouchedContact[];
  onCompare: () => void;
}) {
  const [first] = touched;
  const title = touched.length > 1 ? "What changed on the contacts" : "What changed on the contact";
  if (first === undefined) {
    return (
      <Card title={title}>
        <p className={s.quiet}>Nothing. No contact was touched by this message.</p>
      </Card>
    );
  }
  return (
    <Card title={title}>
      {touched.map((contact, at) => (
        <div key={contact.contactId} className={s.contact}>
          {contact.changes.length === 0 ? (
            <p className={s.quiet}>Nothing changed on {contact.email}.</p>
          ) : (
            <>
              {(touched.length > 1 || contact.what !== "updated") && (
                <p className={s.quiet}>
                  {contact.email}: {contact.what}
                </p>
              )}
              <Changes changes={contact.changes} created={contact.what === "created"} />
            </>
          )}
          <div className={s.buttons}>
            {contact.exists ? (
              <LinkButton size="sm" to="/audience" search={{ id: contact.contactId }}>
                Open contact
              </LinkButton>
            ) : (
              <p className={s.quiet}>The contact is no longer in the audience.</p>
            )}
            {at === touched.length - 1 && (
              <Button size="sm" aria-keyshortcuts="c" onClick={onCompare}>
                Compare with previous
              </Button>
            )}
          </div>
        </div>
      ))}
    </Card>
  );
}

/** Reasons that are over once the right secret is here. */
const ABOUT_SECRET = new Set(["wrong_secret", "no_secret", "other_endpoints_secret"]);

function Refusal({ message }: { message: MessageDetail }) {
  return (
    <Card title="Why it was refused">
      <p>
        {message.verification.sentence}
        {ABOUT_SECRET.has(message.reason ?? "") &&
          " Once the right secret is here, press Verify again."}
      </p>
      <p className={s.answer}>
        {message.answer === message.verification.sentence
          ? "Clerk shows the same sentence under Message Attempts."
          : `Clerk shows under Message Attempts: “${message.answer}”`}
      </p>
      <div className={s.buttons}>
        <LinkButton size="sm" to="/endpoints/$id" params={{ id: String(message.endpointId) }}>
          Open endpoint
        </LinkButton>
      </div>
    </Card>
  );
}

function duration(us: number): string {
  if (us < 10_000) return `${(us / 1000).toFixed(us < 1000 ? 1 : 0)} ms`;
  return us < 1_000_000 ? `${Math.round(us / 1000)} ms` : `${(us / 1_000_000).toFixed(1)} s`;
}
