import { useEffect, useRef } from "react";
import { elide } from "../../lib/elide";
import { fixtureName } from "../../lib/fixture";
import { Button } from "../../parts/Button";
import { Checkbox } from "../../parts/Checkbox";
import { CodeEditor } from "../../parts/CodeEditor";
import { Dot } from "../../parts/Dot";
import { SaveFixture } from "../../parts/SaveFixture";
import { Catalogue } from "./Catalogue";
import type { EventTest } from "./event";
import { TargetField } from "./TargetField";
import s from "./TestDialog.module.css";
import type { Target } from "./target";
import { REFUSED } from "./words";

/** What stands above and below the editor in a low window, in px. */
const CHROME = 365;

/** What is asked about fixtures: the name of a new one, whether one may go, or a folder of them. */
export type Over = "save" | "forget" | "files" | null;

/** Choosing, editing and signing one event. */
export function EventTab({
  test,
  target,
  over,
  onOver,
}: {
  test: EventTest;
  target: Target;
  over: Over;
  onOver: (over: Over) => void;
}) {
  const { row, rows, flaw } = test;
  const keep = useRef<HTMLButtonElement>(null);
  const before = useRef(over);
  useEffect(() => {
    if (before.current === "save" && over === null) keep.current?.focus();
    before.current = over;
  }, [over]);
  return (
    <div className={s.columns}>
      <div className={s.left}>
        <Catalogue rows={rows} value={test.name} onChange={test.choose} />
        <Button size="sm" variant="quiet" className={s.files} onClick={() => onOver("files")}>
          Import or export fixtures…
        </Button>
      </div>
      <div className={s.right}>
        <TargetField target={target} />
        <div aria-live="polite">
          <p className={s.about}>{row?.tests}</p>
          {flaw !== null && (
            <p className={s.flaw}>
              <Dot tone="red" />
              <span>
                <b>Will be refused:</b> {REFUSED[flaw]}.
              </span>
            </p>
          )}
        </div>
        <CodeEditor
          label="Body of the event"
          value={test.body}
          onChange={test.setBody}
          onProblem={test.setProblem}
          minHeight={170}
          maxHeight={Math.max(170, Math.min(296, window.innerHeight - CHROME))}
        />
        {test.problem !== null && test.body !== "" && (
          <p className={s.problem} role="alert">
            {test.problem}
          </p>
        )}
        {over === "save" ? (
          <SaveFixture
            source={{ body: test.body }}
            row={row}
            taken={(rows ?? []).flatMap((one) => fixtureName(one) ?? [])}
            ready={test.problem === null}
            onSaved={test.setName}
            onClose={() => onOver(null)}
          />
        ) : (
          <div className={s.tools}>
            <span className={s.same}>
              <Checkbox
                checked={test.sameId}
                onChange={test.setSameId}
                disabled={test.lastId === undefined}
                label="Send under the same svix-id (as a retry)"
              />
              {test.lastId !== undefined && (
                <code className={s.quiet}>{elide(test.lastId, 18)}</code>
              )}
            </span>
            {row?.group === "own" && (
              <Button size="sm" variant="quiet" onClick={() => onOver("forget")}>
                Forget…
              </Button>
            )}
            <Button
              size="sm"
              variant="quiet"
              ref={keep}
              disabled={test.body === ""}
              onClick={() => onOver("save")}
            >
              Save as fixture…
            </Button>
          </div>
        )}
      </div>
    </div>
  );
}
