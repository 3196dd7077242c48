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
CREATE TABLE public.events (
    id integer NOT NULL,
    sender_id character varying(255) NOT NULL,
    type_name character varying(255) NOT NULL,
    "timestamp" double precision,
    intent_name character varying(255),
    action_name character varying(255),
    data text
);
CREATE SEQUENCE public.events_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.events_id_seq OWNED BY public.events.id;
ALTER TABLE ONLY public.events ALTER COLUMN id SET DEFAULT nextval('public.events_id_seq'::regclass);
INSERT INTO public.events VALUES (1, 'page-0', 'action', 1795474883.4640183, NULL, 'action_listen', '{"event": "action", "timestamp": 1795474883.4640183, "name": "action_listen", "policy": null, "confidence": null, "action_text": null, "hide_rule_turn": false}');
INSERT INTO public.events VALUES (2, 'page-0', 'user', 1795474883.5516353, 'card_declined', NULL, '{"event": "user", "timestamp": 1795474883.5516353, "text": "kortet ble avvist \u2717", "parse_data": {"intent": {"name": "card_declined", "confidence": 0.97}, "entities": [], "text": "kortet ble avvist \u2717", "message_id": "m0", "metadata": {}}, "input_channel": "page", "message_id": "m0", "metadata": {}}');
INSERT INTO public.events VALUES (3, 'page-0', 'action', 1795474883.5516474, NULL, 'action_recommended_steps', '{"event": "action", "timestamp": 1795474883.5516474, "name": "action_recommended_steps", "policy": null, "confidence": null, "action_text": null, "hide_rule_turn": false}');
INSERT INTO public.events VALUES (4, 'page-0', 'bot', 1795474883.5516515, NULL, NULL, '{"event": "bot", "timestamp": 1795474883.5516515, "text": "Kortet ditt ble avvist", "data": {"custom": {"type": "answer"}}, "metadata": {}}');
INSERT INTO public.events VALUES (5, 'page-0', 'slot', 1795474883.5516562, NULL, 'language', '{"event": "slot", "timestamp": 1795474883.5516562, "name": "language", "value": "nb"}');
INSERT INTO public.events VALUES (6, 'page-0', 'action', 1795474883.5516584, NULL, 'action_listen', '{"event": "action", "timestamp": 1795474883.5516584, "name": "action_listen", "policy": null, "confidence": null, "action_text": null, "hide_rule_turn": false}');
INSERT INTO public.events VALUES (7, 'page-1', 'action', 1795474883.5961552, NULL, 'action_listen', '{"event": "action", "timestamp": 1795474883.5961552, "name": "action_listen", "policy": null, "confidence": null, "action_text": null, "hide_rule_turn": false}');
INSERT INTO public.events VALUES (8, 'page-1', 'user', 1795474883.6638482, 'card_declined', NULL, '{"event": "user", "timestamp": 1795474883.6638482, "text": "kortet ble avvist \u2717", "parse_data": {"intent": {"name": "card_declined", "confidence": 0.97}, "entities": [], "text": "kortet ble avvist \u2717", "message_id": "m1", "metadata": {}}, "input_channel": "page", "message_id": "m1", "metadata": {}}');
INSERT INTO public.events VALUES (9, 'page-1', 'action', 1795474883.6638653, NULL, 'action_recommended_steps', '{"event": "action", "timestamp": 1795474883.6638653, "name": "action_recommended_steps", "policy": null, "confidence": null, "action_text": null, "hide_rule_turn": false}');
INSERT INTO public.events VALUES (10, 'page-1', 'bot', 1795474883.6638708, NULL, NULL, '{"event": "bot", "timestamp": 1795474883.6638708, "text": "Kortet ditt ble avvist", "data": {"custom": {"type": "answer"}}, "metadata": {}}');
INSERT INTO public.events VALUES (11, 'page-1', 'slot', 1795474883.6638765, NULL, 'language', '{"event": "slot", "timestamp": 1795474883.6638765, "name": "language", "value": "nb"}');
INSERT INTO public.events VALUES (12, 'page-1', 'action', 1795474883.6638794, NULL, 'action_listen', '{"event": "action", "timestamp": 1795474883.6638794, "name": "action_listen", "policy": null, "confidence": null, "action_text": null, "hide_rule_turn": false}');
INSERT INTO public.events VALUES (13, 'page-2', 'action', 1795474883.7165074, NULL, 'action_listen', '{"event": "action", "timestamp": 1795474883.7165074, "name": "action_listen", "policy": null, "confidence": null, "action_text": null, "hide_rule_turn": false}');
INSERT INTO public.events VALUES (14, 'page-2', 'user', 1795474883.7519, 'card_declined', NULL, '{"event": "user", "timestamp": 1795474883.7519, "text": "kortet ble avvist \u2717", "parse_data": {"intent": {"name": "card_declined", "confidence": 0.97}, "entities": [], "text": "kortet ble avvist \u2717", "message_id": "m2", "metadata": {}}, "input_channel": "page", "message_id": "m2", "metadata": {}}');
INSERT INTO public.events VALUES (15, 'page-2', 'action', 1795474883.7519162, NULL, 'action_recommended_steps', '{"event": "action", "timestamp": 1795474883.7519162, "name": "action_recommended_steps", "policy": null, "confidence": null, "action_text": null, "hide_rule_turn": false}');
INSERT INTO public.events VALUES (16, 'page-2', 'bot', 1795474883.7519221, NULL, NULL, '{"event": "bot", "timestamp": 1795474883.7519221, "text": "Kortet ditt ble avvist", "data": {"custom": {"type": "answer"}}, "metadata": {}}');
INSERT INTO public.events VALUES (17, 'page-2', 'slot', 1795474883.751927, NULL, 'language', '{"event": "slot", "timestamp": 1795474883.751927, "name": "language", "value": "nb"}');
INSERT INTO public.events VALUES (18, 'page-2', 'action', 1795474883.7519293, NULL, 'action_listen', '{"event": "action", "timestamp": 1795474883.7519293, "name": "action_listen", "policy": null, "confidence": null, "action_text": null, "hide_rule_turn": false}');
INSERT INTO public.events VALUES (19, 'page-3', 'action', 1795474883.79195, NULL, 'action_listen', '{"event": "action", "timestamp": 1795474883.79195, "name": "action_listen", "policy": null, "confidence": null, "action_text": null, "hide_rule_turn": false}');
INSERT INTO public.events VALUES (20, 'page-3', 'user', 1795474883.8437066, 'card_declined', NULL, '{"event": "user", "timestamp": 1795474883.8437066, "text": "kortet ble avvist \u2717", "parse_data": {"intent": {"name": "card_declined", "confidence": 0.97}, "entities": [], "text": "kortet ble avvist \u2717", "message_id": "m3", "metadata": {}}, "input_channel": "page", "message_id": "m3", "metadata": {}}');
INSERT INTO public.events VALUES (21, 'page-3', 'action', 1795474883.843721, NULL, 'action_recommended_steps', '{"event": "action", "timestamp": 1795474883.843721, "name": "action_recommended_steps", "policy": null, "confidence": null, "action_text": null, "hide_rule_turn": false}');
INSERT INTO public.events VALUES (22, 'page-3', 'bot', 1795474883.8437262, NULL, NULL, '{"event": "bot", "timestamp": 1795474883.8437262, "text": "Kortet ditt ble avvist", "data": {"custom": {"type": "answer"}}, "metadata": {}}');
INSERT INTO public.events VALUES (23, 'page-3', 'slot', 1795474883.8437304, NULL, 'language', '{"event": "slot", "timestamp": 1795474883.8437304, "name": "language", "value": "nb"}');
INSERT INTO public.events VALUES (24, 'page-3', 'action', 1795474883.8437326, NULL, 'action_listen', '{"event": "action", "timestamp": 1795474883.8437326, "name": "action_listen", "policy": null, "confidence": null, "action_text": null, "hide_rule_turn": false}');
SELECT pg_catalog.setval('public.events_id_seq', 24, true);
ALTER TABLE ONLY public.events
    ADD CONSTRAINT events_pkey PRIMARY KEY (id);
CREATE INDEX ix_events_sender_id ON public.events USING btree (sender_id);
