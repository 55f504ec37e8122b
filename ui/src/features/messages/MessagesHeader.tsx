import type { ReactNode } from "react";
import { openTest } from "../../lib/bus";
import { Button } from "../../parts/Button";
import { PageHeader } from "../../parts/PageHeader";
import { SearchBox } from "../../parts/SearchBox";

/** The head of the messages: search, what stands behind it, and the test event. */
export function MessagesHeader({
  query,
  onQuery,
  children,
}: {
  query: string | undefined;
  onQuery: (query: string | undefined) => void;
  children?: ReactNode;
}) {
  return (
    <PageHeader
      title="Messages"
      actions={
        <Button variant="primary" kbd="t" aria-keyshortcuts="t" onClick={() => openTest()}>
          Send test event
        </Button>
      }
    >
      <SearchBox
        label="Search messages"
        placeholder="Search by type, email, id or outcome"
        value={query ?? ""}
        onChange={(text) => onQuery(text.trim() === "" ? undefined : text)}
      />
      {children}
    </PageHeader>
  );
}
