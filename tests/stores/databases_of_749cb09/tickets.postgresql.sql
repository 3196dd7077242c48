SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.candidates (
    id integer NOT NULL,
    kind character varying(20) NOT NULL,
    text text NOT NULL,
    language character varying(8) NOT NULL,
    intent character varying(80),
    shown json NOT NULL,
    ticket_id integer,
    state character varying(20) NOT NULL,
    at timestamp without time zone NOT NULL
);
CREATE SEQUENCE public.candidates_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.candidates_id_seq OWNED BY public.candidates.id;
CREATE TABLE public.outbox (
    id integer NOT NULL,
    ticket_id integer NOT NULL,
    target character varying(40) NOT NULL,
    idempotency_key character varying(64) NOT NULL,
    state character varying(20) NOT NULL,
    attempts integer NOT NULL,
    refusals integer NOT NULL,
    next_attempt_at timestamp without time zone NOT NULL,
    lease character varying(64),
    leased_until timestamp without time zone,
    reason text,
    external_id character varying(200),
    delivered_at timestamp without time zone
);
CREATE SEQUENCE public.outbox_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.outbox_id_seq OWNED BY public.outbox.id;
CREATE TABLE public.outcomes (
    id integer NOT NULL,
    conversation_id character varying(255) NOT NULL,
    intent character varying(80) NOT NULL,
    outcome character varying(20) NOT NULL,
    language character varying(8) NOT NULL,
    product character varying(40),
    confidence double precision NOT NULL,
    at timestamp without time zone NOT NULL
);
CREATE SEQUENCE public.outcomes_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.outcomes_id_seq OWNED BY public.outcomes.id;
CREATE TABLE public.search_events (
    id integer NOT NULL,
    search_id character varying(40) NOT NULL,
    conversation_id character varying(255) NOT NULL,
    kind character varying(20) NOT NULL,
    text text NOT NULL,
    language character varying(8) NOT NULL,
    documents json NOT NULL,
    at timestamp without time zone NOT NULL
);
CREATE SEQUENCE public.search_events_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.search_events_id_seq OWNED BY public.search_events.id;
CREATE TABLE public.tickets (
    id integer NOT NULL,
    code character varying(8) NOT NULL,
    conversation_id character varying(255) NOT NULL,
    form_id character varying(200) NOT NULL,
    opened_at timestamp without time zone NOT NULL,
    updated_at timestamp without time zone NOT NULL,
    state character varying(20) NOT NULL,
    assignee character varying(200),
    queue character varying(40) NOT NULL,
    priority character varying(20) NOT NULL,
    priority_reasons json NOT NULL,
    summary text NOT NULL,
    contact_email character varying(320),
    consent boolean NOT NULL,
    intent character varying(80),
    confidence double precision NOT NULL,
    runners_up json NOT NULL,
    language character varying(8) NOT NULL,
    language_confidence double precision NOT NULL,
    product character varying(40),
    entities json NOT NULL,
    steps_tried json NOT NULL,
    transcript json NOT NULL,
    sentiment json,
    signals json NOT NULL
);
CREATE SEQUENCE public.tickets_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.tickets_id_seq OWNED BY public.tickets.id;
ALTER TABLE ONLY public.candidates ALTER COLUMN id SET DEFAULT nextval('public.candidates_id_seq'::regclass);
ALTER TABLE ONLY public.outbox ALTER COLUMN id SET DEFAULT nextval('public.outbox_id_seq'::regclass);
ALTER TABLE ONLY public.outcomes ALTER COLUMN id SET DEFAULT nextval('public.outcomes_id_seq'::regclass);
ALTER TABLE ONLY public.search_events ALTER COLUMN id SET DEFAULT nextval('public.search_events_id_seq'::regclass);
ALTER TABLE ONLY public.tickets ALTER COLUMN id SET DEFAULT nextval('public.tickets_id_seq'::regclass);
INSERT INTO public.alembic_version VALUES ('0003');
INSERT INTO public.candidates VALUES (1, 'fallback', 'hva nå', 'nb', NULL, '[]', NULL, 'new', '2026-11-21 23:01:21.295407');
INSERT INTO public.candidates VALUES (2, 'choice', 'kort', 'nb', 'card_declined', '["card_declined", "past_due_balance"]', NULL, 'new', '2026-11-21 23:01:21.327896');
INSERT INTO public.candidates VALUES (3, 'correction', 'i owe nothing', 'en', 'past_due_balance', '["card_declined"]', 4, 'new', '2026-11-21 23:01:21.375762');
INSERT INTO public.outbox VALUES (4, 2, 'email', '77fae7f4-4656-43a7-8521-8fe75d305f0c', 'pending', 0, 0, '2026-11-21 23:01:20.795325', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.outbox VALUES (6, 3, 'email', '6b90024f-04fb-4bbe-82fe-8806b6cf0d4c', 'pending', 0, 0, '2026-11-21 23:01:20.895787', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.outbox VALUES (8, 4, 'email', '11f7b7cd-4f9f-42cd-bafc-cb934763706f', 'pending', 0, 0, '2026-11-21 23:01:20.991735', NULL, NULL, NULL, NULL, NULL);
INSERT INTO public.outbox VALUES (1, 1, 'webhook', 'a91fd0a2-3bd1-4c7a-bc67-5b11e4e8e6f3', 'delivered', 1, 0, '2026-11-21 23:01:20.677788', NULL, NULL, NULL, 'desk-0', '2026-11-21 23:01:21.546478');
INSERT INTO public.outbox VALUES (3, 2, 'webhook', '57716091-03ee-473d-8840-fda56e3406fb', 'delivered', 1, 0, '2026-11-21 23:01:20.794015', NULL, NULL, NULL, 'desk-1', '2026-11-21 23:01:21.611726');
INSERT INTO public.outbox VALUES (5, 3, 'webhook', 'c57c88b7-5f53-4e8e-903e-d8a7a98c638f', 'delivered', 1, 0, '2026-11-21 23:01:20.888331', NULL, NULL, NULL, 'desk-2', '2026-11-21 23:01:21.671295');
INSERT INTO public.outbox VALUES (7, 4, 'webhook', 'f9e5970a-3700-4b40-86d8-4a129ca8bc6d', 'parked', 1, 1, '2026-11-21 23:01:20.987743', NULL, NULL, 'the help desk answered 422', NULL, NULL);
INSERT INTO public.outbox VALUES (2, 1, 'email', 'e5519dd7-de1a-4c1f-b81b-a4cd37516942', 'pending', 1, 0, '2026-11-21 12:00:00', NULL, NULL, 'the mail server did not answer', NULL, NULL);
INSERT INTO public.outcomes VALUES (1, 'page-0', 'card_declined', 'handed_over', 'nb', 'azure', 0.9, '2026-11-21 23:01:21.231755');
INSERT INTO public.outcomes VALUES (2, 'page-1', 'card_declined', 'handed_over', 'nb', 'azure', 0.9, '2026-11-21 23:01:21.231766');
INSERT INTO public.outcomes VALUES (3, 'page-2', 'card_declined', 'handed_over', 'nb', 'azure', 0.9, '2026-11-21 23:01:21.23177');
INSERT INTO public.outcomes VALUES (4, 'page-3', 'card_declined', 'handed_over', 'nb', 'azure', 0.9, '2026-11-21 23:01:21.231774');
INSERT INTO public.search_events VALUES (1, 's1', 'page-1', 'offered', 'shared mailbox', 'en', '["a/b.md"]', '2026-11-21 23:01:21.416138');
INSERT INTO public.tickets VALUES (1, '8MDXQD', 'page-0', 'form-0', '2026-11-21 23:01:20.630065', '2026-11-21 23:01:21.105302', 'assigned', 'mari', 'payments', 'urgent', '[["card_declined", "high"], ["deadline", "urgent"]]', 'Kortet mitt ble avvist ✗', 'customer0@example.com', true, 'card_declined', 0.82, '[["past_due_balance", 0.09], ["payment_not_registered", 0.04]]', 'nb', 0.98, 'azure', '[["invoice_number", "E0500ABCDE"], ["amount", "129 EUR"]]', '["Sjekket utl\u00f8psdatoen"]', '[["customer", "kortet mitt ble avvist", "2026-11-20T10:42:00+00:00"], ["bot", "Gjelder det Azure eller Microsoft 365?", "2026-11-20T10:42:01+00:00"]]', '["negative", 0.71]', '["deadline"]');
INSERT INTO public.tickets VALUES (2, 'ZB30AH', 'page-1', 'form-1', '2026-11-21 23:01:20.775745', '2026-11-21 23:01:21.1563', 'closed', NULL, 'payments', 'urgent', '[["card_declined", "high"], ["deadline", "urgent"]]', 'Can''t download the invoice', 'customer1@example.com', true, 'card_declined', 0.82, '[["past_due_balance", 0.09], ["payment_not_registered", 0.04]]', 'en', 0.98, 'azure', '[["invoice_number", "E0500ABCDE"], ["amount", "129 EUR"]]', '["Sjekket utl\u00f8psdatoen"]', '[["customer", "kortet mitt ble avvist", "2026-11-20T10:42:00+00:00"], ["bot", "Gjelder det Azure eller Microsoft 365?", "2026-11-20T10:42:01+00:00"]]', '["negative", 0.71]', '["deadline"]');
INSERT INTO public.tickets VALUES (3, 'YR235W', 'page-2', 'form-2', '2026-11-21 23:01:20.863671', '2026-11-21 23:01:21.192399', 'assigned', 'ola', 'payments', 'urgent', '[["card_declined", "high"], ["deadline", "urgent"]]', 'Die Karte wurde abgelehnt — „ungültig“', 'customer2@example.com', true, 'card_declined', 0.82, '[["past_due_balance", 0.09], ["payment_not_registered", 0.04]]', 'de', 0.98, 'azure', '[["invoice_number", "E0500ABCDE"], ["amount", "129 EUR"]]', '["Sjekket utl\u00f8psdatoen"]', '[["customer", "kortet mitt ble avvist", "2026-11-20T10:42:00+00:00"], ["bot", "Gjelder det Azure eller Microsoft 365?", "2026-11-20T10:42:01+00:00"]]', '["negative", 0.71]', '["deadline"]');
INSERT INTO public.tickets VALUES (4, '7KXE33', 'page-3', 'form-3', '2026-11-21 23:01:20.960013', '2026-11-21 23:01:21.368308', 'new', NULL, 'payments', 'urgent', '[["past_due_balance", "high"], ["deadline", "urgent"]]', 'O''Brien; DROP TABLE tickets; --', 'customer3@example.com', true, 'past_due_balance', 0.82, '[["past_due_balance", 0.09], ["payment_not_registered", 0.04]]', 'en', 0.98, 'azure', '[["invoice_number", "E0500ABCDE"], ["amount", "129 EUR"]]', '["Sjekket utl\u00f8psdatoen"]', '[["customer", "kortet mitt ble avvist", "2026-11-20T10:42:00+00:00"], ["bot", "Gjelder det Azure eller Microsoft 365?", "2026-11-20T10:42:01+00:00"]]', '["negative", 0.71]', '["deadline"]');
SELECT pg_catalog.setval('public.candidates_id_seq', 3, true);
SELECT pg_catalog.setval('public.outbox_id_seq', 10, true);
SELECT pg_catalog.setval('public.outcomes_id_seq', 4, true);
SELECT pg_catalog.setval('public.search_events_id_seq', 1, true);
SELECT pg_catalog.setval('public.tickets_id_seq', 5, true);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.candidates
    ADD CONSTRAINT pk_candidates PRIMARY KEY (id);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT pk_outbox PRIMARY KEY (id);
ALTER TABLE ONLY public.outcomes
    ADD CONSTRAINT pk_outcomes PRIMARY KEY (id);
ALTER TABLE ONLY public.search_events
    ADD CONSTRAINT pk_search_events PRIMARY KEY (id);
ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT pk_tickets PRIMARY KEY (id);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT uq_outbox_idempotency_key UNIQUE (idempotency_key);
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT uq_outbox_ticket_id_target UNIQUE (ticket_id, target);
ALTER TABLE ONLY public.outcomes
    ADD CONSTRAINT uq_outcomes_conversation_id_intent UNIQUE (conversation_id, intent);
ALTER TABLE ONLY public.tickets
    ADD CONSTRAINT uq_tickets_conversation_id_form_id UNIQUE (conversation_id, form_id);
CREATE INDEX ix_candidates_state ON public.candidates USING btree (state);
CREATE INDEX ix_outbox_state_next_attempt_at ON public.outbox USING btree (state, next_attempt_at);
CREATE INDEX ix_search_events_search_id ON public.search_events USING btree (search_id);
CREATE INDEX ix_tickets_state_queue ON public.tickets USING btree (state, queue);
ALTER TABLE ONLY public.candidates
    ADD CONSTRAINT fk_candidates_ticket_id FOREIGN KEY (ticket_id) REFERENCES public.tickets(id) ON DELETE SET NULL;
ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT fk_outbox_ticket_id FOREIGN KEY (ticket_id) REFERENCES public.tickets(id) ON DELETE CASCADE;
