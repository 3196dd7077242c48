BEGIN TRANSACTION;
CREATE TABLE events (
	id INTEGER NOT NULL, 
	sender_id VARCHAR(255) NOT NULL, 
	type_name VARCHAR(255) NOT NULL, 
	timestamp FLOAT, 
	intent_name VARCHAR(255), 
	action_name VARCHAR(255), 
	data TEXT, 
	PRIMARY KEY (id)
);
INSERT INTO "events" VALUES(1,'page-0','action',1.79547477240053749087e+09,NULL,'action_listen','{"event": "action", "timestamp": 1795474772.4005375, "name": "action_listen", "policy": null, "confidence": null, "action_text": null, "hide_rule_turn": false}');
INSERT INTO "events" VALUES(2,'page-0','user',1.79547477245791697506e+09,'card_declined',NULL,'{"event": "user", "timestamp": 1795474772.457917, "text": "kortet ble avvist \u2717", "parse_data": {"intent": {"name": "card_declined", "confidence": 0.97}, "entities": [], "text": "kortet ble avvist \u2717", "message_id": "m0", "metadata": {}}, "input_channel": "page", "message_id": "m0", "metadata": {}}');
INSERT INTO "events" VALUES(3,'page-0','action',1795474772.45793,NULL,'action_recommended_steps','{"event": "action", "timestamp": 1795474772.45793, "name": "action_recommended_steps", "policy": null, "confidence": null, "action_text": null, "hide_rule_turn": false}');
INSERT INTO "events" VALUES(4,'page-0','bot',1.7954747724579355716e+09,NULL,NULL,'{"event": "bot", "timestamp": 1795474772.4579356, "text": "Kortet ditt ble avvist", "data": {"custom": {"type": "answer"}}, "metadata": {}}');
INSERT INTO "events" VALUES(5,'page-0','slot',1.79547477245794153211e+09,NULL,'language','{"event": "slot", "timestamp": 1795474772.4579415, "name": "language", "value": "nb"}');
INSERT INTO "events" VALUES(6,'page-0','action',1.79547477245794463154e+09,NULL,'action_listen','{"event": "action", "timestamp": 1795474772.4579446, "name": "action_listen", "policy": null, "confidence": null, "action_text": null, "hide_rule_turn": false}');
INSERT INTO "events" VALUES(7,'page-1','action',1.79547477249862384796e+09,NULL,'action_listen','{"event": "action", "timestamp": 1795474772.4986238, "name": "action_listen", "policy": null, "confidence": null, "action_text": null, "hide_rule_turn": false}');
INSERT INTO "events" VALUES(8,'page-1','user',1.79547477250595927241e+09,'card_declined',NULL,'{"event": "user", "timestamp": 1795474772.5059593, "text": "kortet ble avvist \u2717", "parse_data": {"intent": {"name": "card_declined", "confidence": 0.97}, "entities": [], "text": "kortet ble avvist \u2717", "message_id": "m1", "metadata": {}}, "input_channel": "page", "message_id": "m1", "metadata": {}}');
INSERT INTO "events" VALUES(9,'page-1','action',1.79547477250597167014e+09,NULL,'action_recommended_steps','{"event": "action", "timestamp": 1795474772.5059717, "name": "action_recommended_steps", "policy": null, "confidence": null, "action_text": null, "hide_rule_turn": false}');
INSERT INTO "events" VALUES(10,'page-1','bot',1.79547477250597763056e+09,NULL,NULL,'{"event": "bot", "timestamp": 1795474772.5059776, "text": "Kortet ditt ble avvist", "data": {"custom": {"type": "answer"}}, "metadata": {}}');
INSERT INTO "events" VALUES(11,'page-1','slot',1.79547477250598096851e+09,NULL,'language','{"event": "slot", "timestamp": 1795474772.505981, "name": "language", "value": "nb"}');
INSERT INTO "events" VALUES(12,'page-1','action',1.79547477250598311424e+09,NULL,'action_listen','{"event": "action", "timestamp": 1795474772.505983, "name": "action_listen", "policy": null, "confidence": null, "action_text": null, "hide_rule_turn": false}');
INSERT INTO "events" VALUES(13,'page-2','action',1.79547477254062747952e+09,NULL,'action_listen','{"event": "action", "timestamp": 1795474772.5406275, "name": "action_listen", "policy": null, "confidence": null, "action_text": null, "hide_rule_turn": false}');
INSERT INTO "events" VALUES(14,'page-2','user',1.79547477254609489445e+09,'card_declined',NULL,'{"event": "user", "timestamp": 1795474772.546095, "text": "kortet ble avvist \u2717", "parse_data": {"intent": {"name": "card_declined", "confidence": 0.97}, "entities": [], "text": "kortet ble avvist \u2717", "message_id": "m2", "metadata": {}}, "input_channel": "page", "message_id": "m2", "metadata": {}}');
INSERT INTO "events" VALUES(15,'page-2','action',1.79547477254610586168e+09,NULL,'action_recommended_steps','{"event": "action", "timestamp": 1795474772.5461059, "name": "action_recommended_steps", "policy": null, "confidence": null, "action_text": null, "hide_rule_turn": false}');
INSERT INTO "events" VALUES(16,'page-2','bot',1.79547477254611063e+09,NULL,NULL,'{"event": "bot", "timestamp": 1795474772.5461106, "text": "Kortet ditt ble avvist", "data": {"custom": {"type": "answer"}}, "metadata": {}}');
INSERT INTO "events" VALUES(17,'page-2','slot',1.79547477254611372943e+09,NULL,'language','{"event": "slot", "timestamp": 1795474772.5461137, "name": "language", "value": "nb"}');
INSERT INTO "events" VALUES(18,'page-2','action',1.79547477254611587528e+09,NULL,'action_listen','{"event": "action", "timestamp": 1795474772.5461159, "name": "action_listen", "policy": null, "confidence": null, "action_text": null, "hide_rule_turn": false}');
INSERT INTO "events" VALUES(19,'page-3','action',1.7954747725808105469e+09,NULL,'action_listen','{"event": "action", "timestamp": 1795474772.5808105, "name": "action_listen", "policy": null, "confidence": null, "action_text": null, "hide_rule_turn": false}');
INSERT INTO "events" VALUES(20,'page-3','user',1.79547477258318305013e+09,'card_declined',NULL,'{"event": "user", "timestamp": 1795474772.583183, "text": "kortet ble avvist \u2717", "parse_data": {"intent": {"name": "card_declined", "confidence": 0.97}, "entities": [], "text": "kortet ble avvist \u2717", "message_id": "m3", "metadata": {}}, "input_channel": "page", "message_id": "m3", "metadata": {}}');
INSERT INTO "events" VALUES(21,'page-3','action',1.79547477258319330213e+09,NULL,'action_recommended_steps','{"event": "action", "timestamp": 1795474772.5831933, "name": "action_recommended_steps", "policy": null, "confidence": null, "action_text": null, "hide_rule_turn": false}');
INSERT INTO "events" VALUES(22,'page-3','bot',1.79547477258319735531e+09,NULL,NULL,'{"event": "bot", "timestamp": 1795474772.5831974, "text": "Kortet ditt ble avvist", "data": {"custom": {"type": "answer"}}, "metadata": {}}');
INSERT INTO "events" VALUES(23,'page-3','slot',1.79547477258320069314e+09,NULL,'language','{"event": "slot", "timestamp": 1795474772.5832007, "name": "language", "value": "nb"}');
INSERT INTO "events" VALUES(24,'page-3','action',1.79547477258320283891e+09,NULL,'action_listen','{"event": "action", "timestamp": 1795474772.5832028, "name": "action_listen", "policy": null, "confidence": null, "action_text": null, "hide_rule_turn": false}');
CREATE INDEX ix_events_sender_id ON events (sender_id);
COMMIT;
