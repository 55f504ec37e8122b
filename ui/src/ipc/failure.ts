import type { Code } from "./gen/Code";

const CODES: readonly Code[] = ["invalid", "notFound", "conflict", "unavailable", "internal"];

/** What a verb answers when it did not do what it was asked to. */
export class ApiFailure extends Error {
  override readonly name = "ApiFailure";
  constructor(
    readonly code: Code,
    message: string,
  ) {
    super(message);
  }
}

/** Reads whatever a host threw. */
export function failure(thrown: unknown): ApiFailure {
  if (thrown instanceof ApiFailure) return thrown;
  if (typeof thrown === "object" && thrown !== null && "message" in thrown) {
    const code = "code" in thrown ? CODES.find((known) => known === thrown.code) : undefined;
    return new ApiFailure(code ?? "internal", String(thrown.message));
  }
  return new ApiFailure(
    "internal",
    typeof thrown === "string" ? thrown : "Something went wrong inside Usher.",
  );
}
