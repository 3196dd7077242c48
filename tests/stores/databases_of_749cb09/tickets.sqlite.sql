BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0003');
CREATE TABLE candidates (
	id INTEGER NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	text TEXT NOT NULL, 
	language VARCHAR(8) NOT NULL, 
	intent VARCHAR(80), 
	shown JSON NOT NULL, 
	ticket_id INTEGER, 
	state VARCHAR(20) NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_candidates PRIMARY KEY (id), 
	CONSTRAINT fk_candidates_ticket_id FOREIGN KEY(ticket_id) REFERENCES tickets (id) ON DELETE SET NULL
);
INSERT INTO "candidates" VALUES(1,'fallback','hva nå','nb',NULL,'[]',NULL,'new','2026-11-21 22:59:31.968110');
INSERT INTO "candidates" VALUES(2,'choice','kort','nb','card_declined','["card_declined", "past_due_balance"]',NULL,'new','2026-11-21 22:59:31.970816');
INSERT INTO "candidates" VALUES(3,'correction','i owe nothing','en','past_due_balance','["card_declined"]',4,'new','2026-11-21 22:59:31.979014');
CREATE TABLE outbox (
	id INTEGER NOT NULL, 
	ticket_id INTEGER NOT NULL, 
	target VARCHAR(40) NOT NULL, 
	idempotency_key VARCHAR(64) NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	attempts INTEGER NOT NULL, 
	refusals INTEGER NOT NULL, 
	next_attempt_at DATETIME NOT NULL, 
	lease VARCHAR(64), 
	leased_until DATETIME, 
	reason TEXT, 
	external_id VARCHAR(200), 
	delivered_at DATETIME, 
	CONSTRAINT pk_outbox PRIMARY KEY (id), 
	CONSTRAINT fk_outbox_ticket_id FOREIGN KEY(ticket_id) REFERENCES tickets (id) ON DELETE CASCADE, 
	CONSTRAINT uq_outbox_idempotency_key UNIQUE (idempotency_key), 
	CONSTRAINT uq_outbox_ticket_id_target UNIQUE (ticket_id, target)
);
INSERT INTO "outbox" VALUES(1,1,'webhook','5e059982-690a-4856-a39a-a76f84bee322','delivered',1,0,'2026-11-21 22:59:31.876946',NULL,NULL,NULL,'desk-0','2026-11-21 22:59:32.023999');
INSERT INTO "outbox" VALUES(2,1,'email','c4ed3415-e834-41b2-9c11-1f644814a505','pending',1,0,'2026-11-21 12:00:00.000000',NULL,NULL,'the mail server did not answer',NULL,NULL);
INSERT INTO "outbox" VALUES(3,2,'webhook','f69e4884-749f-4a74-b6be-908f59f1532b','delivered',1,0,'2026-11-21 22:59:31.892789',NULL,NULL,NULL,'desk-1','2026-11-21 22:59:32.039822');
INSERT INTO "outbox" VALUES(4,2,'email','3f326233-7533-4984-a942-324ce2a07334','pending',0,0,'2026-11-21 22:59:31.893165',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "outbox" VALUES(5,3,'webhook','601a7bc8-068c-4c0d-acfc-5c82efa04e8b','delivered',1,0,'2026-11-21 22:59:31.903214',NULL,NULL,NULL,'desk-2','2026-11-21 22:59:32.045319');
INSERT INTO "outbox" VALUES(6,3,'email','9f3c6e67-5f95-402c-84b5-428ebf96e33a','pending',0,0,'2026-11-21 22:59:31.907930',NULL,NULL,NULL,NULL,NULL);
INSERT INTO "outbox" VALUES(7,4,'webhook','5c7faccc-0bfb-4a64-970d-ebf49398615b','parked',1,1,'2026-11-21 22:59:31.920005',NULL,NULL,'the help desk answered 422',NULL,NULL);
INSERT INTO "outbox" VALUES(8,4,'email','fe8d028a-b562-4536-ba47-57bc531703d9','pending',0,0,'2026-11-21 22:59:31.921040',NULL,NULL,NULL,NULL,NULL);
CREATE TABLE outcomes (
	id INTEGER NOT NULL, 
	conversation_id VARCHAR(200) NOT NULL, 
	intent VARCHAR(80) NOT NULL, 
	outcome VARCHAR(20) NOT NULL, 
	language VARCHAR(8) NOT NULL, 
	product VARCHAR(40), 
	confidence FLOAT NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_outcomes PRIMARY KEY (id), 
	CONSTRAINT uq_outcomes_conversation_id_intent UNIQUE (conversation_id, intent)
);
INSERT INTO "outcomes" VALUES(1,'page-0','card_declined','handed_over','nb','azure',0.9,'2026-11-21 22:59:31.955805');
INSERT INTO "outcomes" VALUES(2,'page-1','card_declined','handed_over','nb','azure',0.9,'2026-11-21 22:59:31.955815');
INSERT INTO "outcomes" VALUES(3,'page-2','card_declined','handed_over','nb','azure',0.9,'2026-11-21 22:59:31.955820');
INSERT INTO "outcomes" VALUES(4,'page-3','card_declined','handed_over','nb','azure',0.9,'2026-11-21 22:59:31.955826');
CREATE TABLE search_events (
	id INTEGER NOT NULL, 
	search_id VARCHAR(40) NOT NULL, 
	conversation_id VARCHAR(200) NOT NULL, 
	kind VARCHAR(20) NOT NULL, 
	text TEXT NOT NULL, 
	language VARCHAR(8) NOT NULL, 
	documents JSON NOT NULL, 
	at DATETIME NOT NULL, 
	CONSTRAINT pk_search_events PRIMARY KEY (id)
);
INSERT INTO "search_events" VALUES(1,'s1','page-1','offered','shared mailbox','en','["a/b.md"]','2026-11-21 22:59:31.986212');
CREATE TABLE tickets (
	id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, 
	code VARCHAR(8) NOT NULL, 
	conversation_id VARCHAR(200) NOT NULL, 
	form_id VARCHAR(200) NOT NULL, 
	opened_at DATETIME NOT NULL, 
	updated_at DATETIME NOT NULL, 
	state VARCHAR(20) NOT NULL, 
	assignee VARCHAR(200), 
	queue VARCHAR(40) NOT NULL, 
	priority VARCHAR(20) NOT NULL, 
	priority_reasons JSON NOT NULL, 
	summary TEXT NOT NULL, 
	contact_email VARCHAR(320), 
	consent BOOLEAN NOT NULL, 
	intent VARCHAR(80), 
	confidence FLOAT NOT NULL, 
	runners_up JSON NOT NULL, 
	language VARCHAR(8) NOT NULL, 
	language_confidence FLOAT NOT NULL, 
	product VARCHAR(40), 
	entities JSON NOT NULL, 
	steps_tried JSON NOT NULL, 
	transcript JSON NOT NULL, 
	sentiment JSON, 
	signals JSON NOT NULL, 
	CONSTRAINT uq_tickets_conversation_id_form_id UNIQUE (conversation_id, form_id)
);
INSERT INTO "tickets" VALUES(1,'C7R6E6','page-0','form-0','2026-11-21 22:59:31.868670','2026-11-21 22:59:31.941705','assigned','mari','payments','urgent','[["card_declined", "high"], ["deadline", "urgent"]]','Kortet mitt ble avvist ✗','customer0@example.com',1,'card_declined',0.82,'[["past_due_balance", 0.09], ["payment_not_registered", 0.04]]','nb',0.98,'azure','[["invoice_number", "E0500ABCDE"], ["amount", "129 EUR"]]','["Sjekket utl\u00f8psdatoen"]','[["customer", "kortet mitt ble avvist", "2026-11-20T10:42:00+00:00"], ["bot", "Gjelder det Azure eller Microsoft 365?", "2026-11-20T10:42:01+00:00"]]','["negative", 0.71]','["deadline"]');
INSERT INTO "tickets" VALUES(2,'WD31D8','page-1','form-1','2026-11-21 22:59:31.886787','2026-11-21 22:59:31.945017','closed',NULL,'payments','urgent','[["card_declined", "high"], ["deadline", "urgent"]]','Can''t download the invoice','customer1@example.com',1,'card_declined',0.82,'[["past_due_balance", 0.09], ["payment_not_registered", 0.04]]','en',0.98,'azure','[["invoice_number", "E0500ABCDE"], ["amount", "129 EUR"]]','["Sjekket utl\u00f8psdatoen"]','[["customer", "kortet mitt ble avvist", "2026-11-20T10:42:00+00:00"], ["bot", "Gjelder det Azure eller Microsoft 365?", "2026-11-20T10:42:01+00:00"]]','["negative", 0.71]','["deadline"]');
INSERT INTO "tickets" VALUES(3,'MM0ZC2','page-2','form-2','2026-11-21 22:59:31.901674','2026-11-21 22:59:31.953965','assigned','ola','payments','urgent','[["card_declined", "high"], ["deadline", "urgent"]]','Die Karte wurde abgelehnt — „ungültig“','customer2@example.com',1,'card_declined',0.82,'[["past_due_balance", 0.09], ["payment_not_registered", 0.04]]','de',0.98,'azure','[["invoice_number", "E0500ABCDE"], ["amount", "129 EUR"]]','["Sjekket utl\u00f8psdatoen"]','[["customer", "kortet mitt ble avvist", "2026-11-20T10:42:00+00:00"], ["bot", "Gjelder det Azure eller Microsoft 365?", "2026-11-20T10:42:01+00:00"]]','["negative", 0.71]','["deadline"]');
INSERT INTO "tickets" VALUES(4,'RC2XJT','page-3','form-3','2026-11-21 22:59:31.913995','2026-11-21 22:59:31.977570','new',NULL,'payments','urgent','[["past_due_balance", "high"], ["deadline", "urgent"]]','O''Brien; DROP TABLE tickets; --','customer3@example.com',1,'past_due_balance',0.82,'[["past_due_balance", 0.09], ["payment_not_registered", 0.04]]','en',0.98,'azure','[["invoice_number", "E0500ABCDE"], ["amount", "129 EUR"]]','["Sjekket utl\u00f8psdatoen"]','[["customer", "kortet mitt ble avvist", "2026-11-20T10:42:00+00:00"], ["bot", "Gjelder det Azure eller Microsoft 365?", "2026-11-20T10:42:01+00:00"]]','["negative", 0.71]','["deadline"]');
CREATE INDEX ix_tickets_state_queue ON tickets (state, queue);
CREATE INDEX ix_candidates_state ON candidates (state);
CREATE INDEX ix_outbox_state_next_attempt_at ON outbox (state, next_attempt_at);
CREATE INDEX ix_search_events_search_id ON search_events (search_id);
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('tickets',5);
COMMIT;
