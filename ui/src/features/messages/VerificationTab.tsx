import type { MessageDetail } from "../../ipc/gen/MessageDetail";
import { Badge } from "../../parts/Badge";
import { Card } from "../../parts/Card";
import { Id } from "../../parts/Id";
import { KeyValue } from "../../parts/KeyValue";

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
          { label: "Signed", value: age(verification.ageS) },
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

function age(seconds: number | null): string {
  if (seconds === null) return "At an unknown time";
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
