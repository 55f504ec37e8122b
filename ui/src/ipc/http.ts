import { ApiFailure, failure } from "./failure";
import type { Host } from "./host";

const KEY = "usher.token";
const RETRY_MS = 1000;

/** Takes the token out of `#token=…` once, so that it does not stay in the address. */
function takeToken(): string | null {
  const found = /(?:^#|&)token=([^&]+)/.exec(location.hash)?.[1];
  if (found !== undefined) {
    sessionStorage.setItem(KEY, decodeURIComponent(found));
    history.replaceState(history.state, "", location.pathname + location.search);
  }
  return sessionStorage.getItem(KEY);
}

/** The headless host over loopback HTTP and server-sent events. */
export function http(): Host {
  const token = takeToken();
  const authorization: Record<string, string> =
    token === null ? {} : { authorization: `Bearer ${token}` };

  return {
    async call(name, args) {
      let response: Response;
      try {
        response = await fetch(`/call/${name}`, {
          method: "POST",
          headers: { ...authorization, "content-type": "application/json" },
          body: JSON.stringify(args ?? {}),
        });
      } catch {
        throw new ApiFailure(
          "unavailable",
          "Usher does not answer. Check that it is still running, then try again.",
        );
      }
      const reply: unknown = await response.json().catch(() => null);
      if (response.ok) return reply;
      throw reply === null
        ? new ApiFailure(
            "unavailable",
            `Usher answered with status ${response.status} and no explanation.`,
          )
        : failure(reply);
    },

    subscribe(onTopics, onLost) {
      const stop = new AbortController();
      void follow(authorization, stop.signal, onTopics, onLost);
      return () => stop.abort();
    },
  };
}

async function follow(
  headers: Record<string, string>,
  signal: AbortSignal,
  onTopics: (topics: string[]) => void,
  onLost: () => void,
): Promise<void> {
  while (!signal.aborted) {
    const left = new AbortController();
    const leave = () => left.abort();
    // A page that the browser keeps for "back" would hold on to one of its six connections.
    window.addEventListener("pagehide", leave, { once: true });
    try {
      const response = await fetch("/changes", {
        headers: { ...headers, accept: "text/event-stream" },
        signal: AbortSignal.any([signal, left.signal]),
      });
      if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
      onLost();
      await read(response.body, onTopics);
    } catch {
      if (signal.aborted) return;
    } finally {
      window.removeEventListener("pagehide", leave);
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

async function read(
  body: ReadableStream<Uint8Array>,
  onTopics: (topics: string[]) => void,
): Promise<void> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const events = (rest + decoder.decode(value, { stream: true })).split(/\r?\n\r?\n/);
    rest = events.pop() ?? "";
    for (const event of events) {
      const topics = topicsOf(event);
      if (topics.length > 0) onTopics(topics);
    }
  }
}

/** The topics in one server-sent event; empty for comments and anything unreadable. */
export function topicsOf(event: string): string[] {
  const data = event
    .split(/\r?\n/)
    .filter((line) => line.startsWith("data:"))
    .map((line) => line.slice(5).trimStart())
    .join("\n");
  if (data === "") return [];
  try {
    const parsed: unknown = JSON.parse(data);
    return Array.isArray(parsed) ? parsed.filter((topic) => typeof topic === "string") : [];
  } catch {
    return [];
  }
}
