//! Commands from the server.

use parley_wire::{
    Command, EndpointId, EndpointOpen, ErrorCode, Message, Reply, Request, RestoredEndpoint, RoomId,
};

use crate::engine::Engine;
use crate::limits;
use crate::room::endpoint::validate;
use crate::room::{Refusal, Room};
use crate::shared::{EndpointKey, Shared};
use crate::slab::Key;

impl Engine {
    /// Does what the server asks, and answers.
    pub(crate) fn on_command(&mut self, command: Command) {
        let message = match self.run(command.request) {
            Ok(reply) => Message::Reply {
                id: command.id,
                reply,
            },
            Err((code, message)) => Message::Error {
                id: command.id,
                code,
                message,
            },
        };
        self.shared.answer(message);
    }

    fn run(&mut self, request: Request) -> Result<Reply, Refusal> {
        match request {
            Request::Configure(_) => {
                return Err((ErrorCode::WrongState, "already configured".to_owned()));
            }
            Request::RoomOpen { room } => {
                self.open_room(room)?;
            }
            Request::RoomClose { room } => self.close_room(room),
            Request::EndpointOpen(open) => self.open_endpoint(&open)?,
            Request::EndpointRestart(restart) => {
                let key = self.endpoint_key(restart.endpoint)?;
                self.within(key, |room, shared| {
                    room.restart_endpoint(key.endpoint, restart, shared)
                })??;
            }
            Request::EndpointPublish(publish) => {
                let key = self.endpoint_key(publish.endpoint)?;
                self.within(key, |room, shared| {
                    room.publish(key.endpoint, publish, shared)
                })??;
            }
            Request::EndpointTiles(tiles) => {
                let key = self.endpoint_key(tiles.endpoint)?;
                self.within(key, |room, shared| room.wish(key.endpoint, tiles, shared))??;
            }
            Request::EndpointEnter { endpoint, entered } => {
                let key = self.endpoint_key(endpoint)?;
                self.within(key, |room, shared| {
                    room.enter(key.endpoint, entered, shared)
                })?;
            }
            Request::EndpointClose { endpoint } => {
                if let Ok(key) = self.endpoint_key(endpoint) {
                    self.in_room(key.room, |room, shared| {
                        room.close_endpoint(key.endpoint, shared);
                    });
                }
            }
            Request::Restore { endpoints } => return Ok(self.restore(endpoints)),
            Request::Stats => return Ok(Reply::Stats(Box::new(self.stats()))),
            Request::Ping => {}
            Request::Shutdown => {
                let rooms: Vec<RoomId> = self.room_keys.keys().copied().collect();
                for room in rooms {
                    self.close_room(room);
                }
            }
        }
        Ok(Reply::Done)
    }

    fn open_room(&mut self, id: RoomId) -> Result<Key, Refusal> {
        if let Some(key) = self.room_keys.get(&id) {
            return Ok(*key);
        }
        if self.rooms.len() >= limits::ROOMS_MAX {
            return Err((ErrorCode::LimitReached, "rooms_max".to_owned()));
        }
        let key = self.rooms.insert_with(|key| Box::new(Room::new(id, key)));
        self.room_keys.insert(id, key);
        Ok(key)
    }

    fn close_room(&mut self, id: RoomId) {
        let Some(key) = self.room_keys.get(&id).copied() else {
            return;
        };
        self.in_room(key, |room, shared| {
            for id in room.endpoint_ids() {
                if let Some(key) = shared.routes.by_id.get(&id).copied() {
                    room.close_endpoint(key.endpoint, shared);
                }
            }
        });
        self.room_keys.remove(&id);
        self.rooms.remove(key);
    }

    fn open_endpoint(&mut self, open: &EndpointOpen) -> Result<(), Refusal> {
        let room = self.room_keys.get(&open.room).copied();
        let Some(room) = room else {
            return Err((ErrorCode::RoomNotFound, format!("{:?}", open.room)));
        };
        validate(open)?;
        let owner = self
            .shared
            .routes
            .by_ufrag
            .get(&open.ice.local_ufrag)
            .copied();
        if let Some(known) = self.shared.routes.by_id.get(&open.endpoint).copied() {
            // The same open once more is answered like the first time.
            return if owner == Some(known) && known.room == room {
                Ok(())
            } else {
                Err((
                    ErrorCode::AlreadyExists,
                    "the endpoint has other parameters".to_owned(),
                ))
            };
        }
        if owner.is_some() {
            return Err((
                ErrorCode::AlreadyExists,
                "the local ufrag is in use".to_owned(),
            ));
        }
        if self.shared.routes.by_id.len() >= limits::ENDPOINTS_MAX {
            return Err((ErrorCode::LimitReached, "endpoints_max".to_owned()));
        }
        self.in_room(room, |room, shared| room.open_endpoint(open, shared))
            .ok_or((ErrorCode::RoomNotFound, "the room failed".to_owned()))
    }

    fn endpoint_key(&self, id: EndpointId) -> Result<EndpointKey, Refusal> {
        let key = self.shared.routes.by_id.get(&id).copied();
        key.ok_or((ErrorCode::EndpointNotFound, format!("{id:?}")))
    }

    /// Runs a command in the endpoint's room.
    fn within<T>(
        &mut self,
        key: EndpointKey,
        run: impl FnOnce(&mut Room, &mut Shared) -> T,
    ) -> Result<T, Refusal> {
        self.in_room(key.room, run)
            .ok_or((ErrorCode::RoomNotFound, "the room failed".to_owned()))
    }

    fn restore(&mut self, endpoints: Vec<RestoredEndpoint>) -> Reply {
        let (mut resumed, mut lost) = (Vec::new(), Vec::new());
        let mut rooms = Vec::new();
        for endpoint in endpoints {
            let id = endpoint.open.endpoint;
            let is_new = !self.shared.routes.by_id.contains_key(&id);
            let room = self.open_room(endpoint.open.room);
            let is_resumed = match room {
                Ok(room) if is_new && validate(&endpoint.open).is_ok() => {
                    rooms.push(room);
                    let restored =
                        self.in_room(room, |room, shared| room.restore(endpoint, shared));
                    restored == Some(true)
                }
                _ => false,
            };
            if is_resumed {
                resumed.push(id);
            } else {
                lost.push(id);
            }
        }
        rooms.sort_unstable();
        rooms.dedup();
        for room in rooms {
            self.in_room(room, |room, shared| {
                room.resume_lines(shared);
                // Should this worker die soon too, the server already has its indices.
                shared.snapshots.extend(room.snapshots(shared.now));
            });
        }
        // A snapshot is good for one take-over. Should this worker die too, the next one needs a
        // younger one than ours; it leaves before the first packet does.
        for id in &resumed {
            let Some(key) = self.shared.routes.by_id.get(id).copied() else {
                continue;
            };
            self.in_room(key.room, |room, shared| {
                let taken = room.snapshot(key.endpoint, shared.now);
                shared.snapshots.extend(taken);
            });
        }
        self.hand_out_snapshots();
        self.hand_out_snapshots();
        Reply::Restored { resumed, lost }
    }
}
