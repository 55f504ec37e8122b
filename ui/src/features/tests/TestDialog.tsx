import { type KeyboardEvent, useState } from "react";
import { useHotkey, written } from "../../lib/keys";
import { plural } from "../../lib/words";
import { Button } from "../../parts/Button";
import { Dialog } from "../../parts/Dialog";
import { ErrorNote } from "../../parts/ErrorNote";
import { Sent } from "../../parts/Sent";
import { Tabs } from "../../parts/Tabs";
import { EventTab, type Over } from "./EventTab";
import { useEventTest } from "./event";
import { ForgetFixture } from "./Fixture";
import { FixtureFiles } from "./FixtureFiles";
import { useFocusBack } from "./focus";
import { PlayedResult, Playing } from "./Result";
import { ScenariosTab } from "./ScenariosTab";
import { useScenario } from "./scenario";
import s from "./TestDialog.module.css";
import { useTarget } from "./target";

type Tab = "event" | "scenarios";

/** Signs events with an endpoint's secret and sends them through the real listener, one or a story. */
export function TestDialog({
  endpointId,
  onClose,
}: {
  endpointId: number | undefined;
  onClose: () => void;
}) {
  const [tab, setTab] = useState<Tab>("event");
  const target = useTarget(endpointId);
  const test = useEventTest(target);
  const scenario = useScenario(target, tab === "scenarios");
  const [over, setOver] = useState<Over>(null);
  const act = tab === "event" ? test : scenario;
  useFocusBack();
  useHotkey("mod+enter", () => void act.submit(), {
    enabled: over === null || over === "save",
    inDialog: true,
    typing: true,
  });

  /** Before a control inside takes Enter for itself. */
  function sendOnEnter(event: KeyboardEvent) {
    if (written(event.nativeEvent) !== "mod+enter") return;
    event.preventDefault();
    event.stopPropagation();
    void act.submit();
  }

  return (
    <Dialog
      open
      onClose={onClose}
      title="Send test event"
      description="Signed with the endpoint's own secret and sent through the real listener."
      width={840}
      footer={
        <>
          <div className={s.outcome} aria-live="polite">
            {tab === "event" && test.sent !== null && (
              <Sent sent={test.sent.test} flaw={test.sent.flaw} onOpen={onClose} />
            )}
            {tab === "scenarios" && scenario.played !== null && (
              <PlayedResult played={scenario.played} onOpen={onClose} />
            )}
            {tab === "scenarios" && scenario.busy && (
              <Playing messages={plural(scenario.row?.messages ?? 0, "message")} />
            )}
          </div>
          {tab === "event" && (
            <Button onClick={test.remake} busy={test.making}>
              {test.row?.group === "own" ? "Reset" : "New person"}
            </Button>
          )}
          <Button
            variant="primary"
            kbd="mod+enter"
            busy={act.busy}
            disabled={!act.ready}
            onClick={() => void act.submit()}
          >
            {tab === "event" ? "Send" : "Play"}
          </Button>
        </>
      }
    >
      <div onKeyDownCapture={sendOnEnter}>
        <Tabs<Tab>
          label="What to send"
          value={tab}
          onChange={setTab}
          tabs={[
            { value: "event", label: "Event" },
            { value: "scenarios", label: "Scenarios" },
          ]}
        >
          {tab === "event" ? (
            <EventTab test={test} target={target} over={over} onOver={setOver} />
          ) : (
            <ScenariosTab scenario={scenario} target={target} />
          )}
        </Tabs>
      </div>
      {act.error !== null && <ErrorNote error={act.error} />}
      {over === "files" && (
        <FixtureFiles
          own={test.rows?.filter((one) => one.group === "own").length ?? 0}
          onClose={() => setOver(null)}
        />
      )}
      {test.row !== undefined && (
        <ForgetFixture
          row={test.row}
          open={over === "forget"}
          onForgotten={() => test.choose("user.created")}
          onClose={() => setOver(null)}
        />
      )}
    </Dialog>
  );
}
