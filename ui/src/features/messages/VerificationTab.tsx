import type { MessageDetail } from "../../ipc/gen/MessageDetail";
import { Badge } from "../../parts/Badge";
import { Card } from "../../parts/Card";
import { Id } from "../../parts/Id";
import { KeyValue } from "../../parts/KeyValue";
import { Time } from "../../parts/Time";

/** What is known of the signature. */
export function VerificationTab({ message }: { message: MessageDetail }) {
  const { verification } = message;
  return (
    <Card>
      <KeyValue
        labelWidth={120}
        items={[
          {
            label: "Signature",
            value: verification.verified ? (
              <Badge tone="green">Accepted</Badge>
            ) : (
              <Badge tone="red">Not accepted</Badge>
            ),
          },
          { label: "In words", value: verification.sentence },
          {
            label: "Secret",
            value:
              verification.secretHint === null ? (
                "None fitted"
              ) : (
                <code>whsec_…{verification.secretHint}</code>
              ),
          },
          { label: "Signed", value: <Signed message={message} /> },
          {
            label: "Clerk instance",
            value:
              message.instanceId === null ? (
                "Not named"
              ) : (
                <Id value={message.instanceId} max={40} />
              ),
          },
          { label: "Answer", value: `${message.status}: ${message.answer}` },
        ]}
      />
    </Card>
  );
}

/** When it was signed; without a signature that fits, only what a header says. */
function Signed({ message }: { message: MessageDetail }) {
  const { ageS } = message.verification;
  if (ageS !== null) return age(ageS);
  const header = message.headers.find(({ name }) => name.toLowerCase() === "svix-timestamp");
  const seconds = Number(header?.value.trim() || Number.NaN);
  if (Number.isNaN(seconds)) return "Nothing says when";
  return (
    <>
      Says <Time at={seconds * 1000} mode="clock" />, not proven
    </>
  );
}

function age(seconds: number): string {
  if (Math.abs(seconds) < 1) return "Less than a second before it arrived";
  const size = Math.abs(seconds);
  const words =
    size < 120
      ? `${size} s`
      : size < 7200
        ? `${Math.round(size / 60)} min`
        : `${Math.round(size / 3600)} h`;
  return seconds < 0
    ? `${words} in the future, by the clock of this machine`
    : `${words} before it arrived`;
}
