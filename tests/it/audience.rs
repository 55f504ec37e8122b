//! What messages and edits do to the audience: the rules seen from outside.

use kit::app::{NOON, TestApp, TestEndpoint, deleted, event, user, waitlist};
use serde_json::{Value, json};

const SECOND: i64 = 1000;
const MAYA: &str = "maya@example.com";

fn maya(kind: &str, first_name: &str, at: i64) -> Value {
    user(kind, "user_1", Some(MAYA), first_name, at)
}

/// The same snapshot with no address, or with addresses of which none is usable.
fn without_email(first_name: &str, at: i64) -> Value {
    user("user.updated", "user_1", None, first_name, at)
}

async fn with_policy(app: &TestApp, policy: &str) -> TestEndpoint {
    app.endpoint_with(|args| args["settings"]["onDelete"] = json!(policy)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_five_events_from_the_waitlist_to_the_end() {
    let app = TestApp::start().await;
    let news = app.mailing_list("News").await;
    let endpoint = app
        .endpoint_with(|args| {
            event(args, "waitlistEntry.created")["userGroup"] = json!("Waitlist");
            event(args, "waitlistEntry.created")["mailingLists"] = json!([news]);
            event(args, "user.created")["userGroup"] = json!("Users");
        })
        .await;
    let entry = |kind, status, at| waitlist(kind, "wle_1", "ada@example.com", status, at);
    let ada = |kind, email, at| user(kind, "user_1", Some(email), "Ada", at);
    for (body, says, audience) in [
        (
            entry("waitlistEntry.created", "pending", NOON),
            "waitlistEntry.created: contact created.",
            "ada@example.com - - - group=Waitlist lists=[News] subscribed",
        ),
        (
            entry("waitlistEntry.updated", "invited", NOON + SECOND),
            "waitlistEntry.updated: contact updated.",
            "ada@example.com - - - group=Waitlist lists=[News] subscribed",
        ),
        (
            ada("user.created", "Ada@Example.com", NOON + 2 * SECOND),
            "user.created: contact updated.",
            "Ada@Example.com user_1 Ada Okafor group=Waitlist lists=[News] subscribed",
        ),
        (
            ada("user.updated", "ada@work.example", NOON + 3 * SECOND),
            "user.updated: contact updated.",
            "ada@work.example user_1 Ada Okafor group=Waitlist lists=[News] subscribed",
        ),
        (
            deleted("user_1", NOON + 4 * SECOND),
            "user.deleted: contact updated.",
            "ada@work.example user_1 Ada Okafor group=Waitlist lists=[News] unsubscribed",
        ),
    ] {
        let reply = app.post(&endpoint, &body).await;
        assert_eq!((reply.brief().as_str(), reply.field("message")), ("200 processed", says));
        assert_eq!(app.audience().await, audience, "{body}");
    }
    let contact = app.contact("ada@work.example").await;
    assert_eq!(contact["waitlistStatus"], json!("invited"));
    assert_eq!(contact["deletedInClerkAt"], json!(NOON + 4 * SECOND));
    assert_eq!(contact["source"], json!("Clerk webhook"));
    assert_eq!((&contact["createdAt"], &contact["listIds"]), (&json!(NOON), &json!([news])));
    assert_eq!(
        app.timeline(&contact["id"]).await,
        [
            "Joined waitlist (waitlistEntry.created): email - > ada@example.com, \
             userGroup - > Waitlist, lists - > News, source - > Clerk webhook, subscribed - > yes, \
             waitlist - > pending",
            "Updated (waitlistEntry.updated): waitlist pending > invited",
            "Became a user (user.created): email ada@example.com > Ada@Example.com, \
             userId - > user_1, firstName - > Ada, lastName - > Okafor",
            "Updated (user.updated): email Ada@Example.com > ada@work.example",
            "Unsubscribed, deleted in Clerk (user.deleted): subscribed yes > no",
        ]
    );
    assert_eq!(app.changed_by_rebuild().await, 0);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn names_come_over_when_their_option_is_on() {
    let app = TestApp::start().await;
    let endpoint = app
        .endpoint_with(|args| {
            event(args, "user.created")["firstName"] = json!(false);
            event(args, "user.updated")["lastName"] = json!(false);
        })
        .await;
    app.post(&endpoint, &maya("user.created", "Maya", NOON)).await;
    assert_eq!(
        app.audience().await,
        "maya@example.com user_1 - Okafor group=- lists=[] subscribed"
    );
    let mut married = maya("user.updated", "May", NOON + SECOND);
    married["data"]["last_name"] = json!("Obi");
    app.post(&endpoint, &married).await;
    assert_eq!(
        app.audience().await,
        "maya@example.com user_1 May Okafor group=- lists=[] subscribed"
    );
    assert_eq!(app.changed_by_rebuild().await, 0);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn group_and_lists_are_for_new_contacts_only() {
    let app = TestApp::start().await;
    let (news, beta) = (app.mailing_list("News").await, app.mailing_list("Beta").await);
    let endpoint = app
        .endpoint_with(|args| {
            event(args, "user.created")["userGroup"] = json!("  Early ");
            event(args, "user.created")["mailingLists"] = json!([news]);
            event(args, "user.updated")["userGroup"] = json!("Late");
            event(args, "user.updated")["mailingLists"] = json!([beta]);
        })
        .await;
    let environment = app.environment().await;
    let by_hand = json!({ "environmentId": environment, "email": "zoe@example.com" });
    app.call("contacts.add", by_hand).await;
    app.post_all(
        &endpoint,
        &[
            maya("user.created", "Maya", NOON),
            maya("user.updated", "May", NOON + SECOND),
            user("user.updated", "user_2", Some("leo@example.com"), "Leo", NOON),
            user("user.created", "user_3", Some("zoe@example.com"), "Zoe", NOON + SECOND),
        ],
    )
    .await;
    assert_eq!(
        app.audience().await,
        "leo@example.com user_2 Leo Okafor group=Late lists=[Beta] subscribed\n\
         maya@example.com user_1 May Okafor group=Early lists=[News] subscribed\n\
         zoe@example.com user_3 Zoe Okafor group=- lists=[] subscribed"
    );
    assert_eq!(app.contact("zoe@example.com").await["source"], json!("Added by hand"));
    let lists = app.call("lists.list", json!({ "environmentId": environment })).await;
    assert_eq!(json!([lists[0]["contacts"], lists[1]["contacts"]]), json!([1, 1]));
    assert_eq!(app.changed_by_rebuild().await, 0);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_user_is_unsubscribed_removed_or_left_and_never_comes_back() {
    for (policy, after, again) in [
        (
            "unsubscribe",
            "maya@example.com user_1 Maya Okafor group=- lists=[] unsubscribed",
            "maya@example.com user_2 New Okafor group=- lists=[] unsubscribed",
        ),
        ("delete", "", "maya@example.com user_2 New Okafor group=- lists=[] subscribed"),
        (
            "leave",
            "maya@example.com user_1 Maya Okafor group=- lists=[] subscribed",
            "maya@example.com user_2 New Okafor group=- lists=[] subscribed",
        ),
    ] {
        let app = TestApp::start().await;
        let endpoint = with_policy(&app, policy).await;
        app.post(&endpoint, &maya("user.created", "Maya", NOON)).await;
        let gone = app.post(&endpoint, &deleted("user_1", NOON + 5 * SECOND)).await;
        assert_eq!(gone.brief(), "200 processed", "{policy}");
        assert_eq!(app.audience().await, after, "{policy}");
        let late = app.post(&endpoint, &maya("user.updated", "Maya", NOON + SECOND)).await;
        assert_eq!(late.brief(), "200 stale/deleted", "{policy}");
        for time in ["2026-05-12 12:00:01 UTC", "2026-05-12 12:00:05 UTC"] {
            assert!(late.field("message").contains(time), "{late:?}");
        }
        assert_eq!(app.audience().await, after, "{policy}");
        let twice = app.post(&endpoint, &deleted("user_1", NOON + 5 * SECOND)).await;
        assert_eq!(twice.brief(), "200 duplicate/same_content", "{policy}");
        for lost in [&late, &twice] {
            assert_eq!(app.message(lost.id()).await["againstId"], gone.id(), "{policy}");
        }
        let back = user("user.created", "user_2", Some(MAYA), "New", NOON + 9 * SECOND);
        assert_eq!(app.post(&endpoint, &back).await.brief(), "200 processed");
        assert_eq!(app.audience().await, again, "{policy}");
        assert_eq!(app.changed_by_rebuild().await, 0, "{policy}");
        app.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_before_everything_else_counts() {
    let app = TestApp::start().await;
    let endpoint = with_policy(&app, "delete").await;
    let early = app.post(&endpoint, &deleted("user_1", NOON + SECOND)).await;
    assert_eq!(early.field("message"), "user.deleted: no contact has this user ID.");
    let late = app.post(&endpoint, &maya("user.created", "Maya", NOON)).await;
    assert_eq!(late.brief(), "200 stale/deleted");
    assert_eq!(app.audience().await, "");
    let joined = waitlist("waitlistEntry.created", "wle_1", MAYA, "pending", NOON + 2 * SECOND);
    assert_eq!(app.post(&endpoint, &joined).await.brief(), "200 processed");
    assert_eq!(app.audience().await, "maya@example.com - - - group=- lists=[] subscribed");
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_without_an_email_keeps_the_known_one_and_gets_the_names() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let nobody = app.post(&endpoint, &without_email("Phone", NOON)).await;
    assert_eq!(nobody.brief(), "200 no_email/no_email");
    assert_eq!(nobody.field("message"), "The user has no email address. It makes no contact.");
    assert_eq!(app.audience().await, "");
    app.post(&endpoint, &maya("user.updated", "Maya", NOON + SECOND)).await;
    let lost = app.post(&endpoint, &without_email("May", NOON + 2 * SECOND)).await;
    assert_eq!(lost.brief(), "200 no_email/no_email");
    assert_eq!(
        app.audience().await,
        "maya@example.com user_1 May Okafor group=- lists=[] subscribed"
    );
    let contact = app.contact(MAYA).await;
    assert_eq!(
        app.timeline(&contact["id"]).await[1..],
        ["Updated (user.updated): firstName Maya > May", "Message without effect (user.updated): "]
    );
    let detail = app.message(lost.id()).await;
    assert_eq!(
        detail["sentence"],
        json!("The user has no email address. The contact keeps the address it had.")
    );
    let mut dangling = maya("user.updated", "M", NOON + 3 * SECOND);
    dangling["data"]["primary_email_address_id"] = json!("idn_gone");
    let reply = app.post(&endpoint, &dangling).await;
    assert_eq!(reply.brief(), "200 no_email/no_email");
    assert!(reply.field("message").contains("idn_gone"), "{reply:?}");
    assert_eq!(app.changed_by_rebuild().await, 0);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_message_is_stale_and_says_both_times() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let known = app.post(&endpoint, &maya("user.updated", "May", NOON + 60 * SECOND)).await;
    let late = app.post(&endpoint, &maya("user.created", "Maya", NOON)).await;
    assert_eq!(late.brief(), "200 stale/older");
    let sentence = "Of 2026-05-12 12:00:00 UTC, older than what is known since \
                    2026-05-12 12:01:00 UTC; newer values stay.";
    assert_eq!(app.message(late.id()).await["sentence"], json!(sentence));
    let contact = app.contact(MAYA).await;
    assert_eq!((&contact["firstName"], &contact["createdAt"]), (&json!("May"), &json!(NOON)));
    assert_eq!(app.timeline(&contact["id"]).await[1..], ["Older message (user.created): "]);
    let entries = app.call("contacts.timeline", json!({ "id": contact["id"] })).await;
    assert_eq!(entries["rows"][0]["note"], json!(sentence));
    let newer = app.post(&endpoint, &maya("user.updated", "M", NOON + 90 * SECOND)).await;
    let again = app.post(&endpoint, &maya("user.updated", "M", NOON + 90 * SECOND)).await;
    for (message, against) in [
        (&known, json!(null)),
        (&late, json!(known.id())),
        (&newer, json!(null)),
        (&again, json!(newer.id())),
    ] {
        assert_eq!(app.message(message.id()).await["againstId"], against, "{}", message.id());
    }
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_nothing_but_times_says_so() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    app.post(&endpoint, &maya("user.created", "Maya", NOON)).await;
    let later = app.post(&endpoint, &maya("user.updated", "Maya", NOON + SECOND)).await;
    assert_eq!(later.brief(), "200 processed");
    let said = "user.updated: the contact stays as it is.";
    assert_eq!(later.field("message"), said);
    let message = app.message(later.id()).await;
    let step = message["steps"].as_array().unwrap()[2].clone();
    assert_eq!((&step["title"], &step["detail"]), (&json!("No contact changed"), &json!(said)));
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn at_the_same_time_an_update_comes_after_a_creation() {
    for order in [[0, 1], [1, 0]] {
        let app = TestApp::start().await;
        let endpoint = app.endpoint().await;
        let bodies = [maya("user.created", "Maya", NOON), maya("user.updated", "May", NOON)];
        for place in order {
            app.post(&endpoint, &bodies[place]).await;
        }
        assert_eq!(app.contact(MAYA).await["firstName"], json!("May"), "{order:?}");
        assert_eq!(app.changed_by_rebuild().await, 0);
        app.close().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn times_may_be_seconds_or_milliseconds_and_fields_may_be_odd() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let mut seconds = maya("user.updated", "Seconds", NOON / 1000 + 60);
    seconds["data"]["created_at"] = json!(NOON / 1000);
    app.post(&endpoint, &maya("user.created", "Maya", NOON)).await;
    assert_eq!(app.post(&endpoint, &seconds).await.brief(), "200 processed");
    let between = app.post(&endpoint, &maya("user.updated", "Between", NOON + 30 * SECOND)).await;
    assert_eq!(between.brief(), "200 stale/older");
    let contact = app.contact(MAYA).await;
    assert_eq!(
        json!([contact["firstName"], contact["createdAt"], contact["updatedAt"]]),
        json!(["Seconds", NOON, NOON + 60 * SECOND])
    );
    let odd = json!({
        "type": "user.updated",
        "timestamp": NOON + 90 * SECOND,
        "data": {
            "id": "user_1", "first_name": 7, "last_name": "  ", "updated_at": "soon",
            "primary_email_address_id": "e", "email_addresses": [null, { "id": "e", "email_address": " Maya@Example.com " }],
            "new_field": { "deep": [1, 2] },
        },
    });
    assert_eq!(app.post(&endpoint, &odd).await.brief(), "200 processed");
    let contact = app.contact("Maya@Example.com").await;
    assert_eq!(json!([contact["firstName"], contact["lastName"]]), json!([null, null]));
    let raw: Value = serde_json::from_str(contact["raw"].as_str().unwrap()).unwrap();
    assert_eq!(raw["new_field"], json!({ "deep": [1, 2] }), "unknown fields are kept");
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_order_ends_in_the_same_audience() {
    let app = TestApp::start().await;
    let bodies = [
        waitlist("waitlistEntry.created", "wle_1", MAYA, "pending", NOON),
        maya("user.created", "Maya", NOON + SECOND),
        user("user.updated", "user_1", Some("may@example.com"), "May", NOON + 2 * SECOND),
        deleted("user_1", NOON + 3 * SECOND),
    ];
    let mut audiences = Vec::new();
    for number in 0..24 {
        let environment = app.environment_named(&format!("Order {number}")).await;
        let endpoint = app
            .endpoint_with(|args| {
                args["environmentId"] = json!(environment);
                event(args, "waitlistEntry.created")["userGroup"] = json!("Waitlist");
            })
            .await;
        let mut left: Vec<&Value> = bodies.iter().collect();
        for places in [number % 4, number / 4 % 3, number / 12, 0] {
            let body = left.remove(places);
            app.post(&endpoint, body).await;
            app.post(&endpoint, body).await;
        }
        audiences.push(app.audience_in(Some(environment)).await);
    }
    let expected = "may@example.com user_1 May Okafor group=Waitlist lists=[] unsubscribed";
    assert_eq!(audiences, [expected; 24]);
    assert_eq!(app.changed_by_rebuild().await, 0);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_processed_message_is_an_event() {
    let app = TestApp::start().await;
    let endpoint = app
        .endpoint_with(|args| event(args, "user.created")["customEvent"] = json!(" signup "))
        .await;
    let environment = endpoint.environment_id;
    let created = app.post(&endpoint, &maya("user.created", "Maya", NOON)).await;
    app.clock.advance(60 * SECOND);
    app.post_all(
        &endpoint,
        &[
            user("user.created", "user_2", Some("leo@example.com"), "Leo", NOON),
            user("user.created", "user_3", None, "Phone", NOON),
            maya("user.updated", "May", NOON + SECOND),
            deleted("user_9", NOON),
            json!({ "type": "session.created", "data": { "id": "sess_1" } }),
        ],
    )
    .await;
    let list = app.call("events.list", json!({ "environmentId": environment })).await;
    let counts: Vec<Value> =
        list.as_array().unwrap().iter().map(|row| json!([row["name"], row["count"]])).collect();
    assert_eq!(
        counts,
        [
            json!(["clerk.user.created", 3]),
            json!(["clerk.user.deleted", 1]),
            json!(["clerk.user.updated", 1]),
            json!(["signup", 3]),
        ]
    );
    let maya_id = &app.contact(MAYA).await["id"];
    let leo_id = &app.contact("leo@example.com").await["id"];
    assert_eq!(
        list[0]["recent"],
        json!([
            { "contactId": null, "label": "Phone Okafor", "at": NOON + 60 * SECOND },
            { "contactId": leo_id, "label": "leo@example.com", "at": NOON + 60 * SECOND },
            { "contactId": maya_id, "label": MAYA, "at": NOON },
        ])
    );
    assert_eq!(json!([list[0]["firstAt"], list[0]["lastAt"]]), json!([NOON, NOON + 60 * SECOND]));
    let of = json!({ "environmentId": environment, "name": "signup" });
    let occurrences = app.rows("events.occurrences", of).await;
    let labels: Vec<&str> = occurrences.iter().map(|row| row["label"].as_str().unwrap()).collect();
    assert_eq!(labels, ["Phone Okafor", "leo@example.com", MAYA]);
    assert_eq!(
        json!([
            occurrences[2]["messageId"],
            occurrences[2]["messageType"],
            occurrences[2]["contactId"]
        ]),
        json!([created.id(), "user.created", maya_id])
    );
    let events = &app.message(created.id()).await["events"];
    assert_eq!(*events, json!(["clerk.user.created", "signup"]));
    let counts = app.call("app.counts", json!({ "environmentId": environment })).await;
    assert_eq!(counts, json!({ "messages": 6, "contacts": 2, "events": 4, "endpoints": 1 }));
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_shows_its_way() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let body = maya("user.created", "Maya", NOON);
    let reply = app.post_as(&endpoint, "msg_1", &body).await;
    let message = app.message(reply.id()).await;
    let contact = app.contact(MAYA).await;
    let steps: Vec<String> = message["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| {
            let text = |name: &str| step[name].as_str().unwrap_or("-").to_owned();
            format!("{} {}: {} ({})", text("name"), text("state"), text("title"), text("detail"))
        })
        .collect();
    assert_eq!(
        steps,
        [
            "signature done: Signature valid (secret …LaSw · 0 s old)",
            "stored done: Stored durably (-)",
            "contact done: Contact created (maya@example.com)",
            "event done: Event clerk.user.created (-)",
            "answered done: Answered 200 (-)",
        ]
    );
    let touched = &message["touched"][0];
    assert_eq!(
        json!([touched["contactId"], touched["email"], touched["what"], touched["exists"]]),
        json!([contact["id"], MAYA, "created", true])
    );
    assert_eq!(
        touched["changes"],
        json!([
            { "field": "email", "from": null, "to": MAYA },
            { "field": "userId", "from": null, "to": "user_1" },
            { "field": "firstName", "from": null, "to": "Maya" },
            { "field": "lastName", "from": null, "to": "Okafor" },
            { "field": "source", "from": null, "to": "Clerk webhook" },
            { "field": "subscribed", "from": null, "to": "yes" },
        ])
    );
    assert_eq!(
        message["verification"],
        json!({
            "verified": true, "sentence": "The signature fits the secret ending in LaSw.",
            "secretHint": "LaSw", "ageS": 0,
        })
    );
    assert_eq!(message["bodySize"], json!(body.to_string().len()));
    assert_eq!(message["answer"].as_str(), Some(reply.field("message")));
    let header = |name: &str| {
        let headers = message["headers"].as_array().unwrap();
        headers.iter().find(|header| header["name"] == name).map(|header| header["value"].clone())
    };
    assert_eq!(header("svix-id"), Some(json!("msg_1")));
    assert_eq!(header("user-agent"), Some(json!("Svix-Webhooks/1.81.0")));
    let raw: Value = serde_json::from_str(contact["raw"].as_str().unwrap()).unwrap();
    assert_eq!((&raw, &contact["rawMessageId"]), (&body["data"], &message["id"]));
    app.call("contacts.remove", json!({ "ids": [contact["id"]] })).await;
    assert_eq!(app.message(reply.id()).await["touched"][0]["exists"], json!(false));
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_its_time() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let body = maya("user.created", "Maya", NOON);
    let ids = [app.post(&endpoint, &body).await.id(), app.post(&endpoint, &body).await.id()];
    let app = app.restart().await;
    for id in ids {
        let steps = app.message(id).await["steps"].clone();
        for step in steps.as_array().unwrap() {
            assert_eq!(step["afterUs"], json!(0), "message {id}: {step}");
        }
    }
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_creation_of_somebody_deleted_ends_like_an_early_one() {
    for policy in ["unsubscribe", "leave", "delete"] {
        let mut ends = Vec::new();
        for order in [[0, 1], [1, 0]] {
            let app = TestApp::start().await;
            let endpoint = with_policy(&app, policy).await;
            let bodies = [maya("user.created", "Maya", NOON), deleted("user_1", NOON + SECOND)];
            app.post(&endpoint, &bodies[order[0]]).await;
            let last = app.post(&endpoint, &bodies[order[1]]).await;
            assert!(order == [0, 1] || last.brief() == "200 stale/deleted", "{last:?}");
            ends.push(app.audience().await);
            app.close().await;
        }
        assert_eq!(ends[0], ends[1], "{policy}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_holds_until_clerk_says_something_new() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    app.post(&endpoint, &maya("user.created", "Maya", NOON)).await;
    app.clock.advance(60 * SECOND);
    let edited =
        app.edit(MAYA, json!({ "firstName": " Em ", "lastName": "", "userGroup": "VIP" })).await;
    assert_eq!(
        json!([edited["firstName"], edited["lastName"], edited["userGroup"]]),
        json!(["Em", null, "VIP"])
    );
    for (says, at, after, why) in [
        ("Mayra", NOON + 30 * SECOND, "Em", "older than the edit"),
        ("Mai", NOON - 30 * SECOND, "Em", "older than everything"),
        ("Maya", NOON + 90 * SECOND, "Em", "newer, but what stood there before the edit"),
        ("Mo", NOON + 95 * SECOND, "Mo", "newer and different"),
    ] {
        app.post(&endpoint, &maya("user.updated", says, at)).await;
        let contact = app.contact(MAYA).await;
        assert_eq!(contact["firstName"], json!(after), "{why}");
        let by_hand = contact["edited"].as_array().unwrap().contains(&json!("firstName"));
        assert_eq!(by_hand, after == "Em", "{why}");
    }
    let contact = app.contact(MAYA).await;
    assert_eq!(contact["userGroup"], json!("VIP"), "Clerk knows no groups");
    let timeline = app.timeline(&contact["id"]).await;
    assert_eq!(
        timeline[1],
        "Edited by hand (by hand): firstName Maya > Em, lastName Okafor > -, userGroup - > VIP"
    );
    assert_eq!(timeline.last().unwrap(), "Updated (user.updated): firstName Em > Mo");
    assert_eq!(app.changed_by_rebuild().await, 0);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn subscription_and_lists_by_hand_stay() {
    let app = TestApp::start().await;
    let (news, beta) = (app.mailing_list("News").await, app.mailing_list("Beta").await);
    let endpoint =
        app.endpoint_with(|args| event(args, "user.created")["mailingLists"] = json!([news])).await;
    app.post(&endpoint, &maya("user.created", "Maya", NOON)).await;
    app.edit(MAYA, json!({ "subscribed": false, "listIds": [beta] })).await;
    app.post(&endpoint, &maya("user.updated", "May", NOON + 60 * SECOND)).await;
    assert_eq!(
        app.audience().await,
        "maya@example.com user_1 May Okafor group=- lists=[Beta] unsubscribed"
    );
    let contact = app.contact(MAYA).await;
    assert_eq!(
        app.timeline(&contact["id"]).await[1],
        "Edited by hand (by hand): lists News > Beta, subscribed yes > no"
    );
    app.clock.advance(SECOND);
    app.edit(MAYA, json!({ "subscribed": true, "listIds": [] })).await;
    assert_eq!(
        app.audience().await,
        "maya@example.com user_1 May Okafor group=- lists=[] subscribed"
    );
    app.post(&endpoint, &deleted("user_1", NOON + 120 * SECOND)).await;
    assert_eq!(app.contact(MAYA).await["subscribed"], json!(false), "deleted after the edit");
    assert_eq!(app.changed_by_rebuild().await, 0);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_contact_can_be_restored_and_returns_with_news_only() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    app.post(&endpoint, &maya("user.created", "Maya", NOON)).await;
    app.edit(MAYA, json!({ "userGroup": "VIP" })).await;
    let (id, before) = (app.contact(MAYA).await["id"].clone(), app.audience().await);
    app.clock.advance(60 * SECOND);
    let removed = app.call("contacts.remove", json!({ "ids": [id] })).await;
    assert_eq!((&removed["count"], app.audience().await.as_str()), (&json!(1), ""));
    app.post(&endpoint, &maya("user.updated", "Late", NOON + 30 * SECOND)).await;
    assert_eq!(app.audience().await, "", "older than the removal");
    assert_eq!(app.changed_by_rebuild().await, 0);
    let back = app.call("contacts.restore", json!({ "id": removed["undo"] })).await;
    assert_eq!(back, json!({ "count": 1 }));
    assert_eq!(app.contact(MAYA).await["id"], id);
    assert_eq!(app.audience().await, before.replace("Maya", "Late"));
    let again =
        app.try_call("contacts.restore", json!({ "id": removed["undo"] })).await.unwrap_err();
    assert_eq!(again.message, "This was taken back already.");
    app.call("contacts.remove", json!({ "ids": [id] })).await;
    app.post(&endpoint, &maya("user.updated", "News", NOON + 90 * SECOND)).await;
    let contact = app.contact(MAYA).await;
    assert_eq!(json!([contact["id"], contact["firstName"]]), json!([id, "News"]));
    let titles: Vec<String> = app.timeline(&id).await;
    assert!(titles[2].starts_with("Removed by hand (by hand): "), "{titles:?}");
    assert!(titles.last().unwrap().starts_with("Created (user.updated): "), "{titles:?}");
    assert_eq!(app.changed_by_rebuild().await, 0);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_nothing_is_no_edit() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    app.post(&endpoint, &maya("user.created", "Maya", NOON)).await;
    app.clock.advance(60 * SECOND);
    let before = app.contact(MAYA).await;
    for change in [
        json!({}),
        json!({ "firstName": "Maya", "userGroup": "", "subscribed": true, "listIds": [] }),
    ] {
        assert_eq!(app.edit(MAYA, change).await, before);
    }
    assert_eq!(app.timeline(&before["id"]).await.len(), 1);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contact_added_by_hand_may_be_anybody_who_is_not_there() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let environment = app.environment().await;
    let add = async |email: &str| {
        app.clock.advance(60 * SECOND);
        let new = json!({ "environmentId": environment, "email": email, "firstName": "Hand" });
        app.try_call("contacts.add", new).await.map(|contact| contact["id"].clone())
    };
    let ada = add("ada@example.com").await.unwrap();
    app.call("contacts.remove", json!({ "ids": [ada] })).await;
    assert_eq!(add("ada@example.com").await.unwrap(), ada, "the same person again");
    app.post_all(
        &endpoint,
        &[
            maya("user.created", "Maya", NOON),
            user("user.updated", "user_1", Some("may@example.com"), "Maya", NOON + SECOND),
        ],
    )
    .await;
    let before = app.audience().await;
    let taken = add(MAYA).await.unwrap_err();
    assert!(taken.message.contains("somebody has or had"), "{taken}");
    assert_eq!(app.audience().await, before, "what was refused did nothing");
    let maya_id = app.contact("may@example.com").await["id"].clone();
    app.call("contacts.remove", json!({ "ids": [maya_id] })).await;
    assert_eq!(add("may@example.com").await.unwrap(), maya_id);
    assert_eq!(app.changed_by_rebuild().await, 0);
    app.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_moves_to_another_user_moves_its_contact() {
    let app = TestApp::start().await;
    let endpoint = app.endpoint().await;
    let a = |email, at| user("user.updated", "user_a", Some(email), "Ann", at);
    let b = |email, at| user("user.updated", "user_b", Some(email), "Bob", at);
    app.post_all(
        &endpoint,
        &[
            a("one@example.com", NOON),
            b("two@example.com", NOON),
            b("one@example.com", NOON + SECOND),
        ],
    )
    .await;
    assert_eq!(
        app.audience().await,
        "one@example.com user_b Bob Okafor group=- lists=[] subscribed"
    );
    app.post(&endpoint, &a("two@example.com", NOON + 2 * SECOND)).await;
    assert_eq!(
        app.audience().await,
        "one@example.com user_b Bob Okafor group=- lists=[] subscribed\n\
         two@example.com user_a Ann Okafor group=- lists=[] subscribed"
    );
    assert_eq!(app.changed_by_rebuild().await, 0);
    app.close().await;
}

/// Everything that can happen, a few people at a time.
async fn long_history(app: &TestApp) {
    let news = app.mailing_list("News").await;
    let one = app
        .endpoint_with(|args| {
            event(args, "waitlistEntry.created")["userGroup"] = json!("Waitlist");
            event(args, "user.created")["mailingLists"] = json!([news]);
        })
        .await;
    let two = with_policy(app, "delete").await;
    let environment = app.environment().await;
    for person in 0..30 {
        let (id, at) = (format!("user_{person}"), NOON + person * SECOND);
        let email = format!("p{}@example.com", person % 20);
        let moved = format!("p{}@work.example", person % 7);
        app.post(
            &one,
            &waitlist("waitlistEntry.created", &format!("wle_{person}"), &email, "pending", at),
        )
        .await;
        app.post(&one, &user("user.created", &id, Some(&email), "First", at + 10)).await;
        if person % 3 == 0 {
            app.post(&two, &user("user.updated", &id, Some(&moved), "Moved", at + 30)).await;
            app.post(&one, &user("user.updated", &id, Some(&email), "Older", at + 20)).await;
        }
        match person % 5 {
            0 => drop(app.post(&two, &deleted(&id, at + 40)).await),
            1 => drop(app.post(&one, &deleted(&id, at + 40)).await),
            2 => drop(app.post(&one, &user("user.updated", &id, None, "Bare", at + 50)).await),
            _ => {}
        }
        app.clock.advance(SECOND);
        let by_hand = json!({
            "environmentId": environment, "email": format!("hand{person}@example.com"), "firstName": "Hand",
        });
        let made = app.call("contacts.add", by_hand).await;
        let rows = app.contacts().await;
        let some = &rows[usize::try_from(person).unwrap() % rows.len()]["id"];
        let edit = json!({
            "id": some, "firstName": "Edited", "subscribed": person % 2 == 0, "listIds": [news],
        });
        app.call("contacts.edit", edit).await;
        if person % 4 == 0 {
            let removed = app.call("contacts.remove", json!({ "ids": [made["id"], some] })).await;
            if person % 8 == 0 {
                app.call("contacts.restore", json!({ "id": removed["undo"] })).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_gives_the_same_audience_and_repairs_a_damaged_one() {
    let app = TestApp::start().await;
    long_history(&app).await;
    let whole = async || {
        let mut rows = app.rows("contacts.list", json!({ "sort": "email" })).await;
        for row in &mut rows {
            *row = app.call("contacts.show", json!({ "id": row["id"] })).await;
        }
        rows
    };
    let before = whole().await;
    assert!(before.len() > 30, "{}", before.len());
    assert_eq!(app.changed_by_rebuild().await, 0);
    assert_eq!(whole().await, before);
    for (damage, changed) in [
        ("update contact set first_name = 'Broken', user_group = null where id % 3 = 0", 1),
        ("delete from contact where id % 2 = 0", 1),
        ("delete from clerk_user; delete from seen_email; delete from waitlist_entry", 0),
        ("update clerk_user set state = '{}'", 0),
        ("delete from contact_list", 1),
    ] {
        app.sql(damage).await;
        assert!(app.changed_by_rebuild().await >= changed, "{damage}");
        assert_eq!(app.audience().await.lines().count(), before.len(), "{damage}");
        let without_ids = |rows: Vec<Value>| -> Vec<Value> {
            rows.into_iter()
                .map(|mut row| {
                    row["id"] = Value::Null;
                    row
                })
                .collect()
        };
        assert_eq!(without_ids(whole().await), without_ids(before.clone()), "{damage}");
        assert_eq!(app.changed_by_rebuild().await, 0, "{damage}");
    }
    app.close().await;
}
