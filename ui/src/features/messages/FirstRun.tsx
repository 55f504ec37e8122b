import type { EndpointRow } from "../../ipc/gen/EndpointRow";
import { openTest } from "../../lib/bus";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import { CopyButton } from "../../parts/CopyButton";
import { Empty } from "../../parts/Empty";
import { LinkButton } from "../../parts/LinkButton";
import { Mark } from "../../parts/Mark";
import { Scroll } from "../../parts/Scroll";
import s from "./FirstRun.module.css";

const STEPS = [
  {
    title: "Create an endpoint",
    text: "It is the address that Clerk sends its webhooks to. Usher makes one for you, with a path nobody can guess.",
  },
  {
    title: "Paste its URL into Clerk",
    text: "In the Clerk dashboard: Configure → Webhooks → + Add Endpoint. Subscribe to the user and waitlist events.",
  },
  {
    title: "Paste the signing secret back",
    text: "Clerk shows it on the new endpoint's page. Usher trusts nothing that was not signed with it.",
  },
];

/** What a new environment shows: the way to the first message. */
export function FirstRun() {
  return (
    <Scroll>
      <div className={s.first}>
        <Mark size={44} />
        <h2 className={s.title}>Receive your first Clerk webhook</h2>
        <p className={s.lead}>
          Usher listens on this machine. Every message is kept, explained and turned into a contact.
        </p>
        <Card className={s.card ?? ""}>
          <ol className={s.steps}>
            {STEPS.map((step, at) => (
              <li key={step.title} className={s.step}>
                <span className={s.number} aria-hidden="true">
                  {at + 1}
                </span>
                <div>
                  <h3 className={s.name}>{step.title}</h3>
                  <p className={s.text}>{step.text}</p>
                </div>
              </li>
            ))}
          </ol>
          <div className={s.actions}>
            <LinkButton variant="primary" to="/endpoints" search={{ new: true }}>
              Create endpoint
            </LinkButton>
          </div>
        </Card>
        <div className={s.or}>
          <p>No Clerk at hand? Send a signed test event and watch a contact appear.</p>
          <Button kbd="t" onClick={() => openTest()}>
            Send test event
          </Button>
        </div>
      </div>
    </Scroll>
  );
}

/** There is an endpoint, and nothing has come yet. */
export function NothingYet({ endpoint }: { endpoint: EndpointRow | undefined }) {
  if (endpoint === undefined) return null;
  const needsSecret = endpoint.state === "needsSecret";
  return (
    <Empty
      title={
        needsSecret ? "One step is missing: the signing secret" : "Waiting for the first message"
      }
      actions={
        <>
          <LinkButton
            variant={needsSecret ? "primary" : "secondary"}
            to="/endpoints/$id"
            params={{ id: String(endpoint.id) }}
          >
            {needsSecret ? "Enter the secret" : "Open endpoint"}
          </LinkButton>
          <Button kbd="t" onClick={() => openTest(endpoint.id)}>
            Send test event
          </Button>
        </>
      }
    >
      {needsSecret ? (
        <p>
          Copy it from the endpoint's page in Clerk. Until then messages are kept and can be
          verified afterwards.
        </p>
      ) : (
        <p>
          Paste this URL into Clerk (Configure → Webhooks → + Add Endpoint), or send a test event.
        </p>
      )}
      <p className={s.url}>
        <code>{endpoint.url}</code>
        <CopyButton iconOnly text={endpoint.url} what="Copy endpoint URL" />
      </p>
    </Empty>
  );
}
