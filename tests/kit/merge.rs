//! The law of the merge, to be held over any story: messages that collide in every way, what a
//! person does in between, and the audience that the rules say comes of it.
//!
//! Edits depend on what stood there when they were made, so the law is: the same edits, made at the
//! same points between the same sets of messages, give the same audience whatever the order and
//! repetition within each set. Where stories come from is the tests' own: drawn by proptest
//! (it/merge.rs) or spelled by a fuzzer (fuzz/merge.rs).

mod model;
pub mod sets;

use std::collections::BTreeMap;

use usher_engine::audience::merge::{Anchor, Contact, World};

use self::model::Model;
use self::sets::{Deed, Message, Story};
use crate::dice::Dice;

/// Every contact by email key, without the message it came by: equal content may come twice.
pub fn audience(world: &World) -> BTreeMap<String, Contact> {
    let contacts = world.audience().map(|(key, contact)| {
        let mut contact = contact.clone();
        contact.more.message = None;
        (key.to_owned(), contact)
    });
    contacts.collect()
}

/// The messages shuffled, some of them again.
pub fn any_order<'a>(
    new: &'a [Message],
    known: &[&'a Message],
    dice: &mut Dice,
) -> Vec<&'a Message> {
    let mut order: Vec<&Message> = new.iter().collect();
    let pool: Vec<&Message> = new.iter().chain(known.iter().copied()).collect();
    if !pool.is_empty() {
        let again = dice.below(4);
        order.extend((0..again).map(|_| pool[dice.below(pool.len())]));
    }
    dice.shuffle(&mut order);
    order
}

/// Lives through a story in one order; `look` has the world after every step.
pub fn live(story: &Story, seed: u64, mut look: impl FnMut(&mut World)) -> World {
    let mut world = World::new(1);
    let mut dice = Dice::new(seed);
    let mut known: Vec<&Message> = Vec::new();
    let mut removals: Vec<Anchor> = Vec::new();
    let mut number = 0;
    for (new, deeds) in &story.parts {
        for message in any_order(new, &known, &mut dice) {
            number += 1;
            message.apply(&mut world, number);
            look(&mut world);
        }
        known.extend(new);
        for deed in deeds {
            match deed {
                Deed::Add { key, edits, at } => {
                    world.add_by_hand(key, edits, *at);
                }
                Deed::Edit { key, edits, at } => {
                    world.edit(key, edits, *at);
                }
                Deed::Remove { key, at } => {
                    removals.extend(world.remove(key, *at).map(|(_, anchor)| anchor));
                }
                Deed::Restore(which) => {
                    if !removals.is_empty() {
                        world.restore(&removals[which % removals.len()]);
                    }
                }
            }
            look(&mut world);
        }
    }
    world
}

/// The audience that the rules say a story ends in.
pub fn told(story: &Story) -> BTreeMap<String, Contact> {
    let mut model = Model::default();
    let mut removals: Vec<Anchor> = Vec::new();
    for (messages, deeds) in &story.parts {
        for message in messages {
            model.tell(message);
        }
        for deed in deeds {
            match deed {
                Deed::Add { key, edits, at } => {
                    model.add(key, edits, *at);
                }
                Deed::Edit { key, edits, at } => {
                    model.edit(key, edits, *at);
                }
                Deed::Remove { key, at } => removals.extend(model.remove(key, *at)),
                Deed::Restore(which) => {
                    if !removals.is_empty() {
                        model.restore(&removals[which % removals.len()]);
                    }
                }
            }
        }
    }
    model.audience()
}
