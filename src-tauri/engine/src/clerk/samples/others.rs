//! The events of Clerk that change no contact: organizations, sessions, billing and the rest, as the
//! schemas of its webhook document have them, for the same invented people.
//!
//! Deliberately absent: most optional fields. What is here is what the schemas ask for and what
//! receivers usually read.

use serde_json::{Value, json};

use super::people::Person;
use super::{BROWSER, HOUR_MS, INSTANCE, set};

const DAY_MS: i64 = 24 * HOUR_MS;
const MONTH_MS: i64 = 30 * DAY_MS;

/// Type, title and what it tests.
pub(super) const CATALOGUE: [(&str, &str, &str); 42] = [
    (
        "email.created",
        "Clerk sends a sign-in code by email",
        "The address is that of the person, who need not exist yet.",
    ),
    (
        "organization.created",
        "Someone founds an organization",
        "It names its founder by user ID only.",
    ),
    ("organization.updated", "The organization is renamed", "Name and slug change, the ID stays."),
    (
        "organization.deleted",
        "The organization is deleted",
        "Only ID and slug come; there is nothing else to read.",
    ),
    (
        "organizationDomain.created",
        "A domain is added to the organization",
        "It is not verified yet: the verification is null.",
    ),
    (
        "organizationDomain.updated",
        "The domain is verified",
        "The verification turns from null into an object.",
    ),
    (
        "organizationDomain.deleted",
        "The domain is taken away",
        "Its ID comes without the organization.",
    ),
    (
        "organizationInvitation.created",
        "They are invited to the organization",
        "An email address without a user: no contact is made from it.",
    ),
    (
        "organizationInvitation.accepted",
        "They accept the invitation",
        "Address and user ID come together.",
    ),
    (
        "organizationInvitation.revoked",
        "The invitation is taken back",
        "The status alone tells that it is over.",
    ),
    (
        "organizationMembership.created",
        "They join the organization",
        "A person and an organization nested in one message.",
    ),
    (
        "organizationMembership.updated",
        "They become an admin",
        "Role and permissions change, the person does not.",
    ),
    (
        "organizationMembership.deleted",
        "They leave the organization",
        "The whole membership comes, unlike with other deletions.",
    ),
    ("paymentAttempt.created", "A payment begins", "Times of payment and failure are both null."),
    (
        "paymentAttempt.updated",
        "The payment goes through",
        "Amounts are in cents; the status is paid.",
    ),
    (
        "permission.created",
        "A permission is defined",
        "It concerns nobody: there is no person in it.",
    ),
    ("permission.updated", "The permission is renamed", "The key stays, the name changes."),
    ("permission.deleted", "The permission is removed", "An ID and no key."),
    ("role.created", "A role is defined", "A list of whole permissions inside."),
    ("role.updated", "The role gains a permission", "The list inside grows."),
    ("role.deleted", "The role is removed", "An ID and no key."),
    ("session.created", "They sign in", "The whole user comes along; it still changes no contact."),
    (
        "session.pending",
        "They sign in, with a task left to do",
        "A status that the schema of Clerk does not list.",
    ),
    ("session.ended", "They sign out", "The same session ID as when they signed in."),
    ("session.removed", "The session is removed", "One of three ways for a session to be over."),
    ("session.revoked", "Their session is revoked", "What a security alarm would listen to."),
    ("sms.created", "Clerk sends a sign-in code by text", "A phone number and no email."),
    (
        "subscription.created",
        "They subscribe to a plan",
        "The plan is inside a list of items; the payer has an email.",
    ),
    ("subscription.updated", "The subscription changes", "Only the time of the change differs."),
    ("subscription.active", "The subscription is active", "The start is set for the first time."),
    (
        "subscription.pastDue",
        "The subscription is overdue",
        "The type is in camel case, the status in snake case.",
    ),
    (
        "subscriptionItem.abandoned",
        "They leave the checkout",
        "An item that never began; do not greet a customer for it.",
    ),
    ("subscriptionItem.active", "The plan begins", "The period has a start and an end."),
    (
        "subscriptionItem.canceled",
        "They cancel the plan",
        "Cancelled is not over: it runs to the end of the period.",
    ),
    (
        "subscriptionItem.created",
        "An item is added",
        "Named in Clerk's libraries, not in its webhook document.",
    ),
    ("subscriptionItem.ended", "The plan is over", "Now it is over; the period has ended."),
    (
        "subscriptionItem.expired",
        "The plan expired",
        "Named in Clerk's libraries, not in its webhook document.",
    ),
    (
        "subscriptionItem.freeTrialEnding",
        "Their free trial ends soon",
        "Three days are left to write to them.",
    ),
    ("subscriptionItem.incomplete", "The first payment is missing", "Neither begun nor abandoned."),
    ("subscriptionItem.pastDue", "The plan is overdue", "The payment failed, the plan still runs."),
    ("subscriptionItem.upcoming", "A plan that begins later", "The period lies in the future."),
    ("subscriptionItem.updated", "The item changes", "The same ID with a later time."),
];

/// The `data` of an event of this type; `None` for types that are not on the list.
pub(super) fn data(kind: &str, who: &Person, now_ms: i64) -> Option<Value> {
    let (thing, what) = kind.split_once('.')?;
    let at = Times { began: if what == "created" { now_ms } else { who.earlier(now_ms) }, now_ms };
    let deleted = what == "deleted";
    Some(match thing {
        "email" => email(who),
        "organization" if deleted => {
            let mut gone = gone("organization", &who.id("org"));
            add(&mut gone, "slug", json!(slug(who)));
            gone
        }
        "organization" => {
            let mut organization = organization(who, at);
            if what == "updated" {
                set(&mut organization, "/name", json!(format!("{} International", company(who))));
                set(&mut organization, "/slug", json!(format!("{}-international", slug(who))));
            }
            organization
        }
        "organizationDomain" if deleted => gone("organization_domain", &who.id("orgdmn")),
        "organizationDomain" => domain(who, at, what == "updated"),
        "organizationInvitation" => invitation(who, at, what),
        "organizationMembership" => membership(who, at, what == "updated"),
        "paymentAttempt" => payment(who, at, what == "updated"),
        "permission" if deleted => gone("permission", &who.id("perm")),
        "permission" => {
            let name = if what == "updated" { "Write and edit reports" } else { "Write reports" };
            permission(&who.id("perm"), "org:reports:write", name, at)
        }
        "role" if deleted => gone("role", &who.id("role")),
        "role" => role(who, at, what == "updated"),
        "session" => session(who, at, what),
        "sms" => sms(who, now_ms),
        "subscription" => subscription(who, at, what),
        "subscriptionItem" => item(who, at, what),
        _ => return None,
    })
}

/// When the thing began and when the event happened, Unix milliseconds.
#[derive(Clone, Copy)]
struct Times {
    began: i64,
    now_ms: i64,
}

fn gone(object: &str, id: &str) -> Value {
    json!({ "deleted": true, "id": id, "object": object })
}

fn add(object: &mut Value, name: &str, value: Value) {
    if let Some(fields) = object.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

fn company(who: &Person) -> String {
    let firsts =
        ["Lantern", "Harbour", "Copper", "Juniper", "Meadow", "Quarry", "Saffron", "Tidewater"];
    format!("{} {}", who.one_of(&firsts), who.last)
}

fn slug(who: &Person) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
    company(who).to_lowercase().chars().map(plain).collect()
}

fn email(who: &Person) -> Value {
    json!({
        "body": "<p>424242 is your verification code.</p>",
        "body_plain": "424242 is your verification code.",
        "data": { "otp_code": "424242", "requested_by": BROWSER, "requested_from": who.address },
        "delivered_by_clerk": true,
        "email_address_id": who.email_id,
        "from_email_name": "notifications",
        "id": who.id("ema"),
        "object": "email",
        "reply_to_email_name": null,
        "slug": "verification_code",
        "status": "queued",
        "subject": "424242 is your verification code",
        "to_email_address": who.email,
        "user_id": who.user_id,
    })
}

fn sms(who: &Person, now_ms: i64) -> Value {
    json!({
        "created_at_ms": now_ms,
        "data": { "otp_code": "424242" },
        "delivered_by_clerk": true,
        "from_phone_number": "+15555550100",
        "id": who.id("sms"),
        "message": "424242 is your verification code.",
        "object": "sms_message",
        "phone_number_id": who.phone_id,
        "slug": "verification_code",
        "status": "queued",
        "to_phone_number": who.phone,
        "user_id": who.user_id,
    })
}

fn organization(who: &Person, at: Times) -> Value {
    json!({
        "admin_delete_enabled": true,
        "created_at": at.began,
        "created_by": who.user_id,
        "has_image": false,
        "id": who.id("org"),
        "image_url": "https://img.example.com/organization.png",
        "max_allowed_memberships": 5,
        "members_count": 1,
        "missing_member_with_elevated_permissions": false,
        "name": company(who),
        "object": "organization",
        "pending_invitations_count": 0,
        "private_metadata": {},
        "public_metadata": {},
        "slug": slug(who),
        "updated_at": at.now_ms,
    })
}

fn public_organization(who: &Person) -> Value {
    json!({
        "has_image": false,
        "id": who.id("org"),
        "image_url": "https://img.example.com/organization.png",
        "name": company(who),
        "slug": slug(who),
    })
}

fn domain(who: &Person, at: Times, verified: bool) -> Value {
    let verification = if verified {
        json!({ "attempts": 1, "expire_at": at.began + HOUR_MS, "status": "verified", "strategy": "email_code", "verified_at": at.now_ms })
    } else {
        Value::Null
    };
    json!({
        "affiliation_email_address": if verified { json!(who.email) } else { Value::Null },
        "affiliation_verification": verification,
        "created_at": at.began,
        "enrollment_mode": if verified { "automatic_suggestion" } else { "manual_invitation" },
        "id": who.id("orgdmn"),
        "name": format!("{}.example.com", slug(who)),
        "object": "organization_domain",
        "organization_id": who.id("org"),
        "ownership_verification": null,
        "public_organization_data": public_organization(who),
        "total_pending_invitations": 0,
        "total_pending_suggestions": if verified { 2 } else { 0 },
        "updated_at": at.now_ms,
        "verification": verification,
    })
}

fn invitation(who: &Person, at: Times, what: &str) -> Value {
    let mut invitation = json!({
        "created_at": at.began,
        "email_address": who.email,
        "expires_at": at.began + MONTH_MS,
        "id": who.id("orginv"),
        "inviter_id": "user_3UsherTestEventsInviter0000",
        "object": "organization_invitation",
        "organization_id": who.id("org"),
        "private_metadata": {},
        "public_inviter_data": {
            "first_name": "Robin",
            "has_image": false,
            "identifier": "robin.sample@example.com",
            "image_url": "https://img.example.com/avatar.png",
            "last_name": "Sample",
            "user_id": "user_3UsherTestEventsInviter0000",
        },
        "public_metadata": {},
        "role": "org:member",
        "role_name": "Member",
        "status": if what == "created" { "pending" } else { what },
        "updated_at": at.now_ms,
        "url": "https://accounts.example.com/v1/tickets/accept?ticket=test",
    });
    if what == "accepted" {
        add(&mut invitation, "user_id", json!(who.user_id));
    }
    invitation
}

fn membership(who: &Person, at: Times, admin: bool) -> Value {
    let (role, name) = if admin { ("org:admin", "Admin") } else { ("org:member", "Member") };
    let mut permissions = vec!["org:reports:read"];
    if admin {
        permissions.extend(["org:reports:write", "org:sys_memberships:manage"]);
    }
    json!({
        "created_at": at.began,
        "id": who.id("orgmem"),
        "object": "organization_membership",
        "organization": organization(who, Times { began: who.earlier(at.began), now_ms: at.began }),
        "permissions": permissions,
        "private_metadata": {},
        "public_metadata": {},
        "public_user_data": {
            "first_name": who.first,
            "has_image": false,
            "identifier": who.email,
            "image_url": "https://img.example.com/avatar.png",
            "last_name": who.last,
            "profile_image_url": "https://img.example.com/avatar.png",
            "user_id": who.user_id,
        },
        "role": role,
        "role_name": name,
        "updated_at": at.now_ms,
    })
}

fn permission(id: &str, key: &str, name: &str, at: Times) -> Value {
    json!({
        "created_at": at.began,
        "description": "Write and edit the reports of the organization.",
        "id": id,
        "key": key,
        "name": name,
        "object": "permission",
        "type": "user",
        "updated_at": at.now_ms,
    })
}

fn role(who: &Person, at: Times, grown: bool) -> Value {
    let then = Times { began: at.began, now_ms: at.began };
    let mut permissions =
        vec![permission(&who.id("perm"), "org:reports:write", "Write reports", then)];
    if grown {
        permissions.push(permission(
            "perm_3UsherTestEventsPublish0000",
            "org:reports:publish",
            "Publish reports",
            at,
        ));
    }
    json!({
        "created_at": at.began,
        "description": "Writes the reports.",
        "id": who.id("role"),
        "is_creator_eligible": false,
        "key": "org:editor",
        "name": "Editor",
        "object": "role",
        "permissions": permissions,
        "updated_at": at.now_ms,
    })
}

fn session(who: &Person, at: Times, what: &str) -> Value {
    json!({
        "abandon_at": at.began + MONTH_MS,
        "actor": null,
        "client_id": who.id("client"),
        "created_at": at.began,
        "expire_at": at.began + 7 * DAY_MS,
        "id": who.id("sess"),
        "last_active_at": at.now_ms,
        "latest_activity": {
            "browser_name": "Firefox",
            "browser_version": "142.0",
            "city": "Lisbon",
            "country": "PT",
            "device_type": "Linux",
            "id": who.id("sess_activity"),
            "ip_address": who.address,
            "is_mobile": false,
            "object": "session_activity",
        },
        "object": "session",
        "status": if what == "created" { "active" } else { what },
        "updated_at": at.now_ms,
        "user": who.user(who.earlier(at.began), at.began),
        "user_id": who.user_id,
    })
}

fn payer(who: &Person, at: Times) -> Value {
    json!({
        "created_at": at.began,
        "email": who.email,
        "first_name": who.first,
        "id": who.id("cpayer"),
        "image_url": "https://img.example.com/avatar.png",
        "last_name": who.last,
        "object": "commerce_payer",
        "organization_id": who.id("org"),
        "organization_name": company(who),
        "updated_at": at.began,
        "user_id": who.user_id,
    })
}

fn plan(who: &Person) -> Value {
    json!({
        "amount": 1900,
        "currency": "USD",
        "id": who.id("cplan"),
        "is_recurring": true,
        "name": "Pro",
        "slug": "pro",
    })
}

fn amount(cents: i64) -> Value {
    let formatted = format!("{}.{:02}", cents / 100, cents % 100);
    json!({ "amount": cents, "amount_formatted": formatted, "currency": "USD", "currency_symbol": "$" })
}

fn payment(who: &Person, at: Times, paid: bool) -> Value {
    let mut bought = item(who, at, if paid { "active" } else { "incomplete" });
    if let Some(fields) = bought.as_object_mut() {
        fields.retain(|name, _| name != "is_free_trial" && name != "payer");
    }
    json!({
        "billing_date": at.began,
        "charge_type": "checkout",
        "created_at": at.began,
        "failed_at": null,
        "failed_reason": null,
        "gateway_external_id": "pi_3UsherTestEventsPayment",
        "id": who.id("cpayatt"),
        "instance_id": INSTANCE,
        "invoice_id": who.id("cinv"),
        "paid_at": if paid { json!(at.now_ms) } else { Value::Null },
        "payee": {
            "gateway_external_id": "acct_3UsherTestEvents",
            "gateway_status": "active",
            "gateway_type": "stripe",
            "id": who.id("cpayee"),
        },
        "payer": payer(who, at),
        "payment_id": who.id("cpay"),
        "payment_source": {
            "card_type": "visa",
            "gateway": "stripe",
            "gateway_external_account_id": null,
            "gateway_external_id": "pm_3UsherTestEvents",
            "id": who.id("cpaysrc"),
            "last4": "4242",
            "payment_method": "card",
            "status": "active",
        },
        "statement_id": who.id("cstmt"),
        "status": if paid { "paid" } else { "pending" },
        "subscription_items": [bought],
        "totals": { "grand_total": amount(2299), "subtotal": amount(1900), "tax_total": amount(399) },
        "updated_at": at.now_ms,
    })
}

fn subscription(who: &Person, at: Times, what: &str) -> Value {
    let status = if what == "pastDue" { "past_due" } else { "active" };
    json!({
        "active_at": at.began,
        "canceled_at": null,
        "created_at": at.began,
        "ended_at": null,
        "id": who.id("csub"),
        "items": [item(who, at, if what == "pastDue" { what } else { "active" })],
        "latest_payment_id": who.id("cpay"),
        "object": "commerce_subscription",
        "past_due_at": if what == "pastDue" { json!(at.now_ms) } else { Value::Null },
        "payer": payer(who, at),
        "payer_id": who.id("cpayer"),
        "payment_source_id": who.id("cpaysrc"),
        "status": status,
        "updated_at": at.now_ms,
    })
}

fn item(who: &Person, at: Times, what: &str) -> Value {
    let starts = match what {
        "ended" | "expired" => at.now_ms - MONTH_MS,
        "freeTrialEnding" => at.now_ms + 3 * DAY_MS - MONTH_MS,
        "upcoming" => at.now_ms + MONTH_MS,
        _ => at.began,
    };
    let status = match what {
        "pastDue" => "past_due",
        "created" | "freeTrialEnding" | "updated" => "active",
        other => other,
    };
    json!({
        "created_at": at.began,
        "id": who.id("csub_item"),
        "interval": "month",
        "is_free_trial": what == "freeTrialEnding",
        "object": "commerce_subscription_item",
        "payer": payer(who, at),
        "period_end": starts + MONTH_MS,
        "period_start": starts,
        "plan": plan(who),
        "plan_id": who.id("cplan"),
        "status": status,
        "subscription_id": who.id("csub"),
        "updated_at": at.now_ms,
    })
}
