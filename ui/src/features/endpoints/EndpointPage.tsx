import { Link, useNavigate } from "@tanstack/react-router";
import { type FormEvent, useEffect, useId, useRef, useState } from "react";
import { useEnvironment } from "../../ipc/environment";
import type { EndpointDetail } from "../../ipc/gen/EndpointDetail";
import { useAct, useRpc } from "../../ipc/hooks";
import { openTest } from "../../lib/bus";
import { toast } from "../../lib/toast";
import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { Card } from "../../parts/Card";
import { ConfirmDialog } from "../../parts/ConfirmDialog";
import { Dialog } from "../../parts/Dialog";
import { Dot } from "../../parts/Dot";
import { Empty } from "../../parts/Empty";
import { ErrorNote } from "../../parts/ErrorNote";
import { Field } from "../../parts/Field";
import { IconButton } from "../../parts/IconButton";
import { IconMore } from "../../parts/icons";
import { LinkButton } from "../../parts/LinkButton";
import { Menu } from "../../parts/Menu";
import { Page } from "../../parts/Page";
import { PageHeader } from "../../parts/PageHeader";
import { Skeleton } from "../../parts/Skeleton";
import { TextInput } from "../../parts/TextInput";
import { Time } from "../../parts/Time";
import { copiedUrl, rememberCopied } from "./copied";
import { EventsCard } from "./EventsCard";
import styles from "./endpoint.module.css";
import { ForwardsCard } from "./ForwardsCard";
import { HoursCard } from "./HoursCard";
import { reasonOf, refusedOf, useRefused } from "./refused";
import { SecretSection } from "./SecretSection";
import { SetupCard } from "./SetupCard";
import { UrlSection } from "./UrlSection";
import { STATE } from "./words";

const CRUMBS = [{ label: "Endpoints", to: "/endpoints" }];

/** One endpoint: its address, secrets, events, and how it is doing. */
export function EndpointPage({ id }: { id: number }) {
  const endpoint = useRpc("endpoints", "show", { id }, { every: 1000 });
  const gone = endpoint.error?.code === "notFound";
  if (endpoint.data && !gone) return <Loaded key={id} endpoint={endpoint.data} />;
  return (
    <>
      <PageHeader title={gone ? "Not found" : "Endpoint"} crumbs={CRUMBS} />
      <Page>
        {gone ? (
          <Empty
            title="This endpoint is gone"
            actions={<LinkButton to="/endpoints">All endpoints</LinkButton>}
          >
            It was removed. Messages that came through it are still under Messages.
          </Empty>
        ) : endpoint.error ? (
          <ErrorNote error={endpoint.error} retry={() => endpoint.refetch()} />
        ) : (
          <Skeleton lines={8} />
        )}
      </Page>
    </>
  );
}

function Loaded({ endpoint }: { endpoint: EndpointDetail }) {
  const status = useRpc("app", "status", {});
  const pause = useAct("endpoints", "update", { toastError: false });
  const refused = useRefused(endpoint);
  const [copied, setCopied] = useState(() => copiedUrl(endpoint.id));
  const [dialog, setDialog] = useState<"rename" | "remove" | null>(null);
  const state = STATE[endpoint.state];
  useSameEnvironment(endpoint.environmentId);
  return (
    <>
      <PageHeader
        title={endpoint.name}
        crumbs={CRUMBS}
        badge={<Badge tone={state.tone}>{state.word}</Badge>}
        actions={
          <>
            <Button onClick={() => openTest(endpoint.id)}>Send test event</Button>
            <Button
              busy={pause.isPending}
              onClick={() => pause.mutate({ id: endpoint.id, paused: !endpoint.paused })}
            >
              {endpoint.paused ? "Resume" : "Pause"}
            </Button>
            <Menu
              label="More about this endpoint"
              align="end"
              trigger={
                <IconButton label="More">
                  <IconMore />
                </IconButton>
              }
              items={[
                { label: "Rename…", onSelect: () => setDialog("rename") },
                { separator: true },
                { label: "Remove…", tone: "danger", onSelect: () => setDialog("remove") },
              ]}
            />
          </>
        }
      />
      <Page
        aside={
          <>
            <SetupCard
              endpoint={endpoint}
              listener={status.data?.listener}
              copied={copied}
              refused={refused.last}
            />
            <HoursCard
              hours={endpoint.hours}
              unkept={endpoint.unkept}
              search={refusedOf(endpoint)}
            />
          </>
        }
      >
        {pause.error ? (
          <ErrorNote error={pause.error} title={endpoint.paused ? "Not resumed" : "Not paused"} />
        ) : null}
        {endpoint.state === "failing" && refused.last !== undefined ? (
          <p className={styles.why}>
            <Dot tone="red" />
            <span>
              The last message was refused at <Time at={refused.last.receivedAt} mode="clock" />:{" "}
              {reasonOf(refused.last)}.{" "}
              <Link to="/messages" search={{ id: refused.last.id }}>
                Open message
              </Link>
            </span>
          </p>
        ) : null}
        {endpoint.paused ? (
          <p className={styles.paused}>
            Paused: messages are accepted and kept, and wait to be processed until you resume.
          </p>
        ) : null}
        <Card>
          <UrlSection
            endpoint={endpoint}
            listener={status.data?.listener}
            copied={copied}
            onCopied={() => {
              rememberCopied(endpoint.id, endpoint.url);
              setCopied(endpoint.url);
            }}
          />
          <SecretSection
            endpoint={endpoint}
            keychain={status.data?.keychain}
            refused={refused.last}
            refusedCount={refused.count}
          />
        </Card>
        <EventsCard endpoint={endpoint} />
        <ForwardsCard endpoint={endpoint} />
      </Page>
      {dialog === "rename" ? (
        <RenameDialog endpoint={endpoint} onClose={() => setDialog(null)} />
      ) : null}
      <RemoveDialog
        endpoint={endpoint}
        open={dialog === "remove"}
        onClose={() => setDialog(null)}
      />
    </>
  );
}

/** An endpoint opened from elsewhere brings its environment along; switching away leaves it. */
function useSameEnvironment(own: number) {
  const { id: current, select } = useEnvironment();
  const navigate = useNavigate();
  const was = useRef(0);
  useEffect(() => {
    if (current === 0) return;
    if (current === own) was.current = own;
    else if (was.current === own) void navigate({ to: "/endpoints" });
    else select(own);
  }, [current, own, select, navigate]);
}

function RenameDialog({ endpoint, onClose }: { endpoint: EndpointDetail; onClose: () => void }) {
  const [name, setName] = useState(endpoint.name);
  const rename = useAct("endpoints", "update", { toastError: false, onDone: onClose });
  const form = useId();

  function submit(event: FormEvent) {
    event.preventDefault();
    rename.mutate({ id: endpoint.id, name: name.trim() });
  }

  return (
    <Dialog
      open
      onClose={onClose}
      title="Rename endpoint"
      width={400}
      footer={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            variant="primary"
            type="submit"
            form={form}
            busy={rename.isPending}
            disabled={!name.trim()}
          >
            Rename
          </Button>
        </>
      }
    >
      <form id={form} onSubmit={submit}>
        <Field label="Name" hint="Its URL stays the same." error={rename.error?.message}>
          {(control) => (
            <TextInput
              {...control}
              maxLength={60}
              value={name}
              onChange={(event) => setName(event.target.value)}
            />
          )}
        </Field>
      </form>
    </Dialog>
  );
}

function RemoveDialog(props: { endpoint: EndpointDetail; open: boolean; onClose: () => void }) {
  const { endpoint, open, onClose } = props;
  const remove = useAct("endpoints", "remove", { toastError: false });
  const navigate = useNavigate();

  async function confirm() {
    await remove.mutateAsync({ id: endpoint.id });
    void navigate({ to: "/endpoints" });
    toast({ title: `Removed ${endpoint.name}` });
  }

  return (
    <ConfirmDialog
      open={open}
      onClose={onClose}
      onConfirm={confirm}
      title={`Remove ${endpoint.name}?`}
      confirm="Remove endpoint"
      danger
      {...(endpoint.lastMessageAt === null ? {} : { typed: endpoint.name })}
    >
      Its URL stops working for good and its signing secrets are forgotten. The messages it received
      and the contacts they made stay. Remove the endpoint in Clerk too, or Clerk goes on retrying.
    </ConfirmDialog>
  );
}
