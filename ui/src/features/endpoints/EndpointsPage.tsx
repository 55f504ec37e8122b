import { Link } from "@tanstack/react-router";
import { useEnvironment } from "../../ipc/environment";
import type { EndpointRow } from "../../ipc/gen/EndpointRow";
import type { ForwardRow } from "../../ipc/gen/ForwardRow";
import { useRpc } from "../../ipc/hooks";
import { count } from "../../lib/number";
import { useSearchParam } from "../../lib/search";
import { plural } from "../../lib/words";
import { Badge } from "../../parts/Badge";
import { Button } from "../../parts/Button";
import { CopyButton } from "../../parts/CopyButton";
import { Empty } from "../../parts/Empty";
import { ErrorNote } from "../../parts/ErrorNote";
import { IconEndpoints } from "../../parts/icons";
import { PageHeader } from "../../parts/PageHeader";
import { Scroll } from "../../parts/Scroll";
import { Skeleton } from "../../parts/Skeleton";
import { Time } from "../../parts/Time";
import { AddEndpointDialog } from "./AddEndpointDialog";
import { rememberCopied } from "./copied";
import styles from "./EndpointsPage.module.css";
import { STATE } from "./words";

/** The endpoints of the environment. */
export function EndpointsPage() {
  const environment = useEnvironment();
  const endpoints = useRpc("endpoints", "list", {}, { every: 1000 });
  const forwards = useRpc("forwards", "list", {}, { every: 1000 });
  const [adding, setAdding] = useSearchParam("new");
  const rows = endpoints.data?.filter((row) => row.environmentId === environment.id);
  const add = (
    <Button variant="primary" onClick={() => setAdding("true")}>
      Add endpoint
    </Button>
  );
  return (
    <>
      <PageHeader title="Endpoints" actions={rows?.length ? add : null} />
      <Scroll>
        {endpoints.error && !rows ? (
          <div className={styles.note}>
            <ErrorNote error={endpoints.error} retry={() => endpoints.refetch()} />
          </div>
        ) : !rows ? (
          <div className={styles.note}>
            <Skeleton lines={6} />
          </div>
        ) : rows.length === 0 ? (
          <Empty title="No endpoints yet" icon={<IconEndpoints />} actions={add}>
            An endpoint is an address that Clerk sends its webhooks to. Add one, paste its URL into
            Clerk, and paste Clerk’s signing secret back.
          </Empty>
        ) : (
          <table className={styles.table}>
            <thead>
              <tr>
                <th scope="col">Endpoint</th>
                <th scope="col">State</th>
                <th scope="col">Events</th>
                <th scope="col">Forward</th>
                <th scope="col">Last message</th>
                <th scope="col" className={styles.number}>
                  24 hours
                </th>
              </tr>
            </thead>
            <tbody>
              {rows.map((row) => (
                <Row
                  key={row.id}
                  row={row}
                  forwards={forwards.data?.filter((one) => one.endpointId === row.id)}
                />
              ))}
            </tbody>
          </table>
        )}
      </Scroll>
      {adding && rows ? (
        <AddEndpointDialog
          environmentId={environment.id}
          suggestion={suggest(environment.env?.name, rows)}
          onClose={() => setAdding(undefined)}
        />
      ) : null}
    </>
  );
}

function Row(props: { row: EndpointRow; forwards: readonly ForwardRow[] | undefined }) {
  const { row, forwards } = props;
  const state = STATE[row.state];
  return (
    <tr>
      <td className={styles.main}>
        <Link to="/endpoints/$id" params={{ id: String(row.id) }} className={styles.name}>
          {row.name}
        </Link>
        <span className={styles.url}>
          <code>{row.url}</code>
          <CopyButton
            text={row.url}
            what={`Copy URL of ${row.name}`}
            size="sm"
            iconOnly
            onCopied={() => rememberCopied(row.id, row.url)}
          />
        </span>
      </td>
      <td>
        <span title={state.means}>
          <Badge tone={state.tone}>{state.word}</Badge>
        </span>
      </td>
      <td title={row.enabledEvents.join(", ")}>
        {row.enabledEvents.length === 0 ? "all off" : `${row.enabledEvents.length} on`}
      </td>
      <td>{forwards === undefined ? null : <Forwards rows={forwards} />}</td>
      <td>{row.lastMessageAt === null ? "never" : <Time at={row.lastMessageAt} />}</td>
      <td className={styles.number}>
        {count(row.messages24h)}
        {row.refused24h > 0 ? (
          <span className={styles.refused}>{count(row.refused24h)} refused</span>
        ) : null}
      </td>
    </tr>
  );
}

/** How many targets there are, and what has not reached them. */
function Forwards({ rows }: { rows: readonly ForwardRow[] }) {
  if (rows.length === 0) return "none";
  const waiting = rows.reduce((sum, row) => sum + row.waiting, 0);
  const failed = rows.reduce((sum, row) => sum + row.failed, 0);
  return (
    <>
      {plural(rows.length, "target")}
      {waiting > 0 || failed > 0 ? (
        <span className={styles.behind}>
          {waiting > 0 ? <span className={styles.waiting}>{count(waiting)} waiting</span> : null}
          {failed > 0 ? <span className={styles.failed}>{count(failed)} failed</span> : null}
        </span>
      ) : null}
    </>
  );
}

/** A name that is free: "Clerk · development", then with a number. */
function suggest(environment: string | undefined, rows: readonly EndpointRow[]): string {
  const base = `Clerk · ${(environment ?? "development").toLowerCase()}`.slice(0, 56);
  const taken = new Set(rows.map((row) => row.name.toLowerCase()));
  let name = base;
  for (let n = 2; taken.has(name.toLowerCase()); n += 1) name = `${base} ${n}`;
  return name;
}
