import { useEffect, useState } from "react";
import type { Flaw } from "../../ipc/gen/Flaw";
import type { SentTest } from "../../ipc/gen/SentTest";
import { useAct, useRpc } from "../../ipc/hooks";
import type { Target } from "./target";

const FIRST = "user.created";

/** What was sent last in this window: what follows a sign-up is about the same person. */
let last: { person: number | undefined; svixId: string } | null = null;

/** One test event: chosen from the catalogue, edited, sent, answered. */
export function useEventTest(target: Target) {
  const catalogue = useRpc("tests", "catalogue", {});
  const [name, setName] = useState(FIRST);
  const [person, setPerson] = useState<number>();
  const [body, setBody] = useState("");
  const [problem, setProblem] = useState<string | null>(null);
  const [flaw, setFlaw] = useState<Flaw | null>(null);
  const [lastId, setLastId] = useState(last?.svixId);
  const [sameId, setSameId] = useState(false);
  const [sent, setSent] = useState<{ test: SentTest; flaw: Flaw | null } | null>(null);

  const make = useAct("tests", "make", {
    toastError: false,
    onDone: (sample) => {
      setBody(sample.body);
      setPerson(sample.person);
      setFlaw(sample.flaw);
      setSent(null);
    },
  });
  const send = useAct("tests", "send", { toastError: false });

  const { mutate: makeSample } = make;
  useEffect(() => makeSample({ type: FIRST }), [makeSample]);

  function choose(next: string) {
    setName(next);
    const about = next.startsWith(FIRST) ? person : (last?.person ?? person);
    makeSample(about === undefined ? { type: next } : { type: next, person: about });
  }

  const busy = send.isPending || target.busy;
  const ready = body !== "" && problem === null && target.ready && !busy;

  async function submit() {
    if (!ready) return;
    setSent(null);
    try {
      const test = await send.mutateAsync({
        endpointId: await target.ensure(),
        body,
        ...(flaw === null ? {} : { flaw }),
        ...(sameId && lastId !== undefined ? { svixId: lastId } : {}),
      });
      setSent({ test, flaw });
      last = { person, svixId: test.svixId };
      setLastId(test.svixId);
    } catch {
      // Both keep their error, which is shown in place.
    }
  }

  return {
    rows: catalogue.data,
    row: catalogue.data?.find((one) => one.name === name),
    name,
    setName,
    choose,
    remake: () => makeSample({ type: name }),
    making: make.isPending,
    body,
    setBody,
    problem,
    setProblem,
    flaw,
    lastId,
    sameId,
    setSameId,
    busy,
    ready,
    submit,
    sent,
    error: target.error ?? send.error ?? make.error ?? catalogue.error,
  };
}

export type EventTest = ReturnType<typeof useEventTest>;
