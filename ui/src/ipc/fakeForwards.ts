import { ApiFailure } from "./failure";
import type { AddForward } from "./gen/AddForward";
import type { DeliveryAttempt } from "./gen/DeliveryAttempt";
import type { DeliveryRow } from "./gen/DeliveryRow";
import type { ForwardRow } from "./gen/ForwardRow";

/** Plausible forwards and deliveries. Never part of what is shipped. */

/** A forward just added, or the refusal of its address. */
export function forwardOf(id: number, args: AddForward): ForwardRow {
  if (!args.allowPublic && /^https:/.test(args.url))
    throw new ApiFailure(
      "invalid",
      "This address is outside this machine and its networks. Allow that below if you mean it.",
    );
  return {
    id,
    endpointId: args.endpointId,
    url: args.url,
    types: args.types ?? [],
    headers: args.headers ?? [],
    signature: args.signature ?? "original",
    secretHint: args.secret?.slice(-4) ?? null,
    retries: args.retries ?? "svix",
    allowPublic: args.allowPublic ?? false,
    enabled: true,
    createdAt: Date.now(),
    waiting: 0,
    failed: 0,
    done: 0,
    lastAt: null,
    lastStatus: null,
    lastProblem: null,
  };
}

/** One of every state. */
export function forwardsAt(now: number): ForwardRow[] {
  const local = "http://localhost";
  return [
    {
      ...forwardOf(1, { endpointId: 1, url: `${local}:3000/api/webhooks` }),
      done: 1702,
      lastAt: now - 31_000,
      lastStatus: 200,
    },
    {
      ...forwardOf(2, {
        endpointId: 1,
        url: `${local}:8787/hooks/clerk`,
        types: ["user.*"],
        signature: "fresh",
        secret: "whsec_bm90IGEgcmVhbCBzZWNyZXQx9Lm",
      }),
      waiting: 2,
      done: 40,
      failed: 1,
      lastAt: now - 64_000,
      lastProblem:
        "Nothing listens at localhost:8787. Start your app, or correct the port in the address.",
    },
    {
      ...forwardOf(3, { endpointId: 1, url: "http://192.168.1.20:4000/clerk" }),
      enabled: false,
      waiting: 7,
      done: 12,
      lastAt: now - 7_200_000,
      lastStatus: 204,
    },
  ];
}

function attempt(id: number, at: number, rest: Partial<DeliveryAttempt>): DeliveryAttempt {
  return { id, at, tookMs: 0, status: null, headers: [], body: "", problem: null, ...rest };
}

/** How a message reached each of its targets. */
export function deliveriesOf(messageId: number, now: number): DeliveryRow[] {
  const base = messageId * 10;
  return [
    {
      id: base + 1,
      messageId,
      forwardId: 1,
      url: "http://localhost:3000/api/webhooks",
      state: "done",
      dueAt: null,
      behindId: null,
      attempts: [
        attempt(base + 1, now - 36_000, {
          tookMs: 41,
          status: 500,
          headers: [{ name: "content-type", value: "text/plain" }],
          body: "TypeError: Cannot read properties of undefined (reading 'email_addresses')\n    at POST (app/api/webhooks/route.ts:14:31)",
          problem: "Your app answered 500. Its log says why.",
        }),
        attempt(base + 2, now - 31_000, {
          tookMs: 61,
          status: 200,
          headers: [
            { name: "content-type", value: "application/json" },
            { name: "x-powered-by", value: "Next.js" },
          ],
          body: '{"received":true}',
        }),
      ],
    },
    {
      id: base + 2,
      messageId,
      forwardId: 2,
      url: "http://localhost:8787/hooks/clerk",
      state: "waiting",
      dueAt: now + 242_000,
      behindId: null,
      attempts: [
        attempt(base + 3, now - 64_000, {
          tookMs: 2,
          problem:
            "Nothing listens at localhost:8787. Start your app, or correct the port in the address.",
        }),
      ],
    },
    {
      id: base + 3,
      messageId,
      forwardId: 3,
      url: "http://192.168.1.20:4000/clerk",
      state: "failed",
      dueAt: null,
      behindId: null,
      attempts: [
        attempt(base + 4, now - 90_000, {
          tookMs: 15_000,
          problem: "No answer within 15 s. Answer first, and do the work afterwards.",
        }),
      ],
    },
  ];
}
