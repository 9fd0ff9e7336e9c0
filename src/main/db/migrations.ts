/**
 * The database's history, oldest first: entry n leads from version n to n + 1. Append only: what was released is never
 * edited, since databases of that version exist.
 *
 * `changes` is the log of what any process wrote, kept by triggers, so that no writer can forget to tell: each process reads
 * what is new and tells its own streams (follow-changes.ts).
 */
export const migrations: readonly string[] = [
  `
  CREATE TABLE models (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    path TEXT NOT NULL UNIQUE,
    -- Without links in it: two paths to one file are one model.
    real_path TEXT NOT NULL,
    origin TEXT NOT NULL,
    facts TEXT NOT NULL CHECK (json_valid(facts)),
    state TEXT NOT NULL CHECK (json_valid(state)),
    hash_status TEXT NOT NULL DEFAULT 'pending' CHECK (hash_status IN ('pending', 'done', 'changed')),
    sha256 TEXT,
    hashed_ms INTEGER,
    tags TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tags)),
    note TEXT NOT NULL DEFAULT '',
    favourite INTEGER NOT NULL DEFAULT 0 CHECK (favourite IN (0, 1)),
    added_ms INTEGER NOT NULL,
    last_used_ms INTEGER,
    CHECK (hash_status = 'pending' OR (sha256 IS NOT NULL AND hashed_ms IS NOT NULL))
  ) STRICT;
  CREATE INDEX models_by_sha256 ON models (sha256);
  CREATE INDEX models_by_real_path ON models (real_path);

  CREATE TABLE model_files (
    model_id TEXT NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    -- Below the model's folder, with slashes.
    name TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    modified_ms REAL NOT NULL,
    sha256 TEXT,
    PRIMARY KEY (model_id, position)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE lineage (
    model_id TEXT PRIMARY KEY REFERENCES models (id) ON DELETE CASCADE,
    recipe TEXT CHECK (recipe IS NULL OR json_valid(recipe)),
    versions TEXT NOT NULL CHECK (json_valid(versions)),
    made_ms INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE lineage_parents (
    model_id TEXT NOT NULL REFERENCES lineage (model_id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    parent_id TEXT REFERENCES models (id) ON DELETE SET NULL,
    name TEXT NOT NULL,
    sha256 TEXT,
    role TEXT NOT NULL,
    PRIMARY KEY (model_id, position)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX lineage_by_parent ON lineage_parents (parent_id);

  CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    spec TEXT NOT NULL CHECK (json_valid(spec)),
    lane TEXT NOT NULL,
    state TEXT NOT NULL,
    progress TEXT CHECK (progress IS NULL OR json_valid(progress)),
    result TEXT CHECK (result IS NULL OR json_valid(result)),
    error TEXT CHECK (error IS NULL OR json_valid(error)),
    -- The process that runs it, and when that process started, since numbers of processes come again.
    owner_pid INTEGER NOT NULL,
    owner_started TEXT,
    cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    created_ms INTEGER NOT NULL,
    started_ms INTEGER,
    finished_ms INTEGER
  ) STRICT;
  CREATE INDEX jobs_by_state ON jobs (state);

  CREATE TABLE threads (
    id TEXT PRIMARY KEY,
    title TEXT NOT NULL,
    model_id TEXT REFERENCES models (id) ON DELETE SET NULL,
    mode TEXT NOT NULL,
    system_prompt TEXT NOT NULL,
    sampling TEXT NOT NULL CHECK (json_valid(sampling)),
    created_ms INTEGER NOT NULL,
    updated_ms INTEGER NOT NULL,
    removed_ms INTEGER
  ) STRICT;

  CREATE TABLE messages (
    id TEXT PRIMARY KEY,
    thread_id TEXT NOT NULL REFERENCES threads (id) ON DELETE CASCADE,
    parent_id TEXT REFERENCES messages (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    text TEXT NOT NULL,
    facts TEXT CHECK (facts IS NULL OR json_valid(facts)),
    error TEXT CHECK (error IS NULL OR json_valid(error)),
    created_ms INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX messages_by_thread ON messages (thread_id);
  CREATE INDEX messages_by_parent ON messages (parent_id);

  CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL CHECK (json_valid(value))
  ) STRICT;

  CREATE TABLE changes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    topic TEXT NOT NULL,
    id TEXT NOT NULL
  ) STRICT;

  CREATE TRIGGER model_added AFTER INSERT ON models BEGIN
    INSERT INTO changes (topic, id) VALUES ('model', new.id);
  END;
  CREATE TRIGGER model_changed AFTER UPDATE ON models BEGIN
    INSERT INTO changes (topic, id) VALUES ('model', new.id);
  END;
  -- Whoever has the same content has one duplicate more or less.
  CREATE TRIGGER model_hashed AFTER UPDATE OF sha256, hash_status ON models BEGIN
    INSERT INTO changes (topic, id) SELECT 'model', id FROM models WHERE sha256 IN (old.sha256, new.sha256) AND id <> new.id;
  END;
  CREATE TRIGGER model_removed AFTER DELETE ON models BEGIN
    INSERT INTO changes (topic, id) VALUES ('model', old.id);
    INSERT INTO changes (topic, id) SELECT 'model', id FROM models WHERE sha256 = old.sha256;
  END;
  CREATE TRIGGER job_added AFTER INSERT ON jobs BEGIN
    INSERT INTO changes (topic, id) VALUES ('job', new.id);
  END;
  CREATE TRIGGER job_changed AFTER UPDATE ON jobs BEGIN
    INSERT INTO changes (topic, id) VALUES ('job', new.id);
  END;
  CREATE TRIGGER job_removed AFTER DELETE ON jobs BEGIN
    INSERT INTO changes (topic, id) VALUES ('job', old.id);
  END;
  CREATE TRIGGER thread_added AFTER INSERT ON threads BEGIN
    INSERT INTO changes (topic, id) VALUES ('thread', new.id);
  END;
  CREATE TRIGGER thread_changed AFTER UPDATE ON threads BEGIN
    INSERT INTO changes (topic, id) VALUES ('thread', new.id);
  END;
  CREATE TRIGGER thread_removed AFTER DELETE ON threads BEGIN
    INSERT INTO changes (topic, id) VALUES ('thread', old.id);
  END;
  CREATE TRIGGER message_added AFTER INSERT ON messages BEGIN
    INSERT INTO changes (topic, id) VALUES ('thread', new.thread_id);
  END;
  -- Not for the text alone: while an answer is written it is saved every second.
  CREATE TRIGGER message_ended AFTER UPDATE OF facts, error ON messages BEGIN
    INSERT INTO changes (topic, id) VALUES ('thread', new.thread_id);
  END;
  CREATE TRIGGER message_removed AFTER DELETE ON messages BEGIN
    INSERT INTO changes (topic, id) VALUES ('thread', old.thread_id);
  END;
  CREATE TRIGGER setting_added AFTER INSERT ON settings BEGIN
    INSERT INTO changes (topic, id) VALUES ('settings', new.name);
  END;
  CREATE TRIGGER setting_changed AFTER UPDATE ON settings BEGIN
    INSERT INTO changes (topic, id) VALUES ('settings', new.name);
  END;
  `,
  `
  -- What an interrupted run left can be gone on from.
  ALTER TABLE jobs ADD COLUMN resumable INTEGER NOT NULL DEFAULT 0 CHECK (resumable IN (0, 1));

  CREATE TABLE quality_cards (
    id TEXT PRIMARY KEY,
    model_id TEXT NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    source_id TEXT REFERENCES models (id) ON DELETE SET NULL,
    source_name TEXT NOT NULL,
    measure TEXT NOT NULL CHECK (json_valid(measure)),
    versions TEXT NOT NULL CHECK (json_valid(versions)),
    made_ms INTEGER NOT NULL,
    duration_ms REAL NOT NULL
  ) STRICT;
  CREATE INDEX quality_cards_by_model ON quality_cards (model_id);
  CREATE INDEX quality_cards_by_source ON quality_cards (source_id);

  -- Both show it: the measured model, and the one that it was held against.
  CREATE TRIGGER quality_card_added AFTER INSERT ON quality_cards BEGIN
    INSERT INTO changes (topic, id) VALUES ('model', new.model_id);
    INSERT INTO changes (topic, id) SELECT 'model', new.source_id WHERE new.source_id IS NOT NULL;
  END;
  CREATE TRIGGER quality_card_changed AFTER UPDATE ON quality_cards BEGIN
    INSERT INTO changes (topic, id) VALUES ('model', new.model_id);
  END;
  CREATE TRIGGER quality_card_removed AFTER DELETE ON quality_cards BEGIN
    INSERT INTO changes (topic, id) VALUES ('model', old.model_id);
    INSERT INTO changes (topic, id) SELECT 'model', old.source_id WHERE old.source_id IS NOT NULL;
  END;
  `,
  `
  -- Converting is quantizing to floats.
  UPDATE jobs SET
    kind = 'quantize',
    spec = json_set(
      spec,
      '$.kind', 'quantize',
      '$.target', upper(json_extract(spec, '$.target')),
      '$.format', 'gguf',
      '$.quality', NULL,
      '$.options', json('{
        "groupSize": 128, "blockSize": 64, "symmetric": true, "actOrder": false, "staticGroups": false, "trueSequential": true,
        "dampPercent": 0.01, "mseExponent": 0, "checkpointFormat": "gptq", "calibrationPath": null, "calibrationWindows": 128,
        "calibrationContext": 512, "imatrixPath": null, "overrides": [], "pure": false, "keepOutput": false
      }')
    ),
    result = json_patch(
      '{"warnings": [], "resumedTensors": 0, "worstTensors": [], "outliers": [], "card": null, "cardProblem": null}',
      json_set(result, '$.kind', 'quantize')
    )
  WHERE kind = 'convert';
  `,
  `
  CREATE TABLE certificates (
    id TEXT PRIMARY KEY,
    -- The merged model.
    model_id TEXT NOT NULL REFERENCES models (id) ON DELETE CASCADE,
    base_id TEXT REFERENCES models (id) ON DELETE SET NULL,
    base_name TEXT NOT NULL,
    measure TEXT NOT NULL CHECK (json_valid(measure)),
    versions TEXT NOT NULL CHECK (json_valid(versions)),
    made_ms INTEGER NOT NULL,
    duration_ms REAL NOT NULL
  ) STRICT;
  CREATE INDEX certificates_by_model ON certificates (model_id);
  CREATE INDEX certificates_by_base ON certificates (base_id);

  CREATE TABLE certificate_adapters (
    certificate_id TEXT NOT NULL REFERENCES certificates (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    adapter_id TEXT REFERENCES models (id) ON DELETE SET NULL,
    name TEXT NOT NULL,
    scale REAL NOT NULL,
    PRIMARY KEY (certificate_id, position)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX certificate_adapters_by_adapter ON certificate_adapters (adapter_id);

  CREATE TRIGGER certificate_added AFTER INSERT ON certificates BEGIN
    INSERT INTO changes (topic, id) VALUES ('model', new.model_id);
  END;
  CREATE TRIGGER certificate_changed AFTER UPDATE ON certificates BEGIN
    INSERT INTO changes (topic, id) VALUES ('model', new.model_id);
  END;
  CREATE TRIGGER certificate_removed AFTER DELETE ON certificates BEGIN
    INSERT INTO changes (topic, id) VALUES ('model', old.model_id);
  END;
  CREATE TRIGGER certificate_adapter_added AFTER INSERT ON certificate_adapters WHEN new.adapter_id IS NOT NULL BEGIN
    INSERT INTO changes (topic, id) VALUES ('model', new.adapter_id);
  END;
  `,
  `
  ALTER TABLE threads ADD COLUMN answer_count INTEGER NOT NULL DEFAULT 1;
  ALTER TABLE threads ADD COLUMN tools TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(tools));
  ALTER TABLE threads ADD COLUMN folder TEXT NOT NULL DEFAULT '';
  ALTER TABLE messages ADD COLUMN tool_calls TEXT CHECK (tool_calls IS NULL OR json_valid(tool_calls));
  ALTER TABLE messages ADD COLUMN tool_call_id TEXT;
  -- A message and all that followed it have one time.
  ALTER TABLE messages ADD COLUMN removed_ms INTEGER;

  CREATE TABLE chat_templates (
    model_id TEXT PRIMARY KEY REFERENCES models (id) ON DELETE CASCADE,
    source TEXT NOT NULL
  ) STRICT;

  -- By parts of words, since Chinese has no spaces. It keeps no texts of its own; its rows have the messages' rowids.
  CREATE VIRTUAL TABLE message_search USING fts5 (text, content = '', contentless_delete = 1, tokenize = 'trigram');
  INSERT INTO message_search (rowid, text) SELECT rowid, text FROM messages WHERE text <> '';

  CREATE TRIGGER message_search_added AFTER INSERT ON messages WHEN new.text <> '' BEGIN
    INSERT INTO message_search (rowid, text) VALUES (new.rowid, new.text);
  END;
  -- Not for the text alone: while an answer is written it is saved every second.
  CREATE TRIGGER message_search_ended AFTER UPDATE OF facts, error ON messages BEGIN
    INSERT OR REPLACE INTO message_search (rowid, text) VALUES (new.rowid, new.text);
  END;
  CREATE TRIGGER message_search_removed AFTER DELETE ON messages BEGIN
    DELETE FROM message_search WHERE rowid = old.rowid;
  END;
  CREATE TRIGGER message_hidden AFTER UPDATE OF removed_ms ON messages BEGIN
    INSERT INTO changes (topic, id) VALUES ('thread', new.thread_id);
  END;
  `,
  `
  ALTER TABLE threads ADD COLUMN adapters TEXT NOT NULL DEFAULT '[]' CHECK (json_valid(adapters));
  `,
  `
  -- What is shown of a run stands in it: models and computers come and go.
  CREATE TABLE benchmark_runs (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    preset TEXT NOT NULL,
    request TEXT CHECK (request IS NULL OR json_valid(request)),
    targets TEXT NOT NULL CHECK (json_valid(targets)),
    base TEXT CHECK (base IS NULL OR json_valid(base)),
    environment TEXT CHECK (environment IS NULL OR json_valid(environment)),
    imported INTEGER NOT NULL CHECK (imported IN (0, 1)),
    job_id TEXT,
    created_ms INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE benchmark_cells (
    id TEXT PRIMARY KEY,
    run_id TEXT NOT NULL REFERENCES benchmark_runs (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    target INTEGER NOT NULL,
    model_id TEXT REFERENCES models (id) ON DELETE SET NULL,
    task TEXT NOT NULL CHECK (json_valid(task)),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'running', 'done', 'failed')),
    result TEXT CHECK (result IS NULL OR json_valid(result)),
    error TEXT CHECK (error IS NULL OR json_valid(error)),
    made_ms INTEGER,
    duration_ms REAL,
    UNIQUE (run_id, position)
  ) STRICT;
  CREATE INDEX benchmark_cells_by_model ON benchmark_cells (model_id);

  CREATE TRIGGER benchmark_run_added AFTER INSERT ON benchmark_runs BEGIN
    INSERT INTO changes (topic, id) VALUES ('benchmark', new.id);
  END;
  CREATE TRIGGER benchmark_run_changed AFTER UPDATE ON benchmark_runs BEGIN
    INSERT INTO changes (topic, id) VALUES ('benchmark', new.id);
  END;
  CREATE TRIGGER benchmark_run_removed AFTER DELETE ON benchmark_runs BEGIN
    INSERT INTO changes (topic, id) VALUES ('benchmark', old.id);
  END;
  CREATE TRIGGER benchmark_cell_changed AFTER UPDATE ON benchmark_cells BEGIN
    INSERT INTO changes (topic, id) VALUES ('benchmark', new.run_id);
  END;
  `,
  `
  -- The next one is asked for after every hash: with ten thousand models, in the order that they wait in.
  CREATE INDEX models_unhashed ON models (added_ms) WHERE hash_status = 'pending';
  `,
  `
  -- Keys are elsewhere, for their owner alone.
  CREATE TABLE remote_engines (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    address TEXT NOT NULL,
    dialect TEXT NOT NULL,
    allow_insecure INTEGER NOT NULL CHECK (allow_insecure IN (0, 1)),
    created_ms INTEGER NOT NULL
  ) STRICT;
  CREATE TRIGGER remote_engine_added AFTER INSERT ON remote_engines BEGIN
    INSERT INTO changes (topic, id) VALUES ('remote', new.id);
  END;
  CREATE TRIGGER remote_engine_changed AFTER UPDATE ON remote_engines BEGIN
    INSERT INTO changes (topic, id) VALUES ('remote', new.id);
  END;
  CREATE TRIGGER remote_engine_removed AFTER DELETE ON remote_engines BEGIN
    INSERT INTO changes (topic, id) VALUES ('remote', old.id);
  END;
  ALTER TABLE threads ADD COLUMN remote TEXT CHECK (remote IS NULL OR json_valid(remote));
  `,
  `
  -- The name of a model outlives it: what was measured still says something of the next one.
  CREATE TABLE memory_measurements (
    id TEXT PRIMARY KEY,
    time_ms INTEGER NOT NULL,
    computer TEXT NOT NULL,
    kind TEXT NOT NULL,
    model_name TEXT NOT NULL,
    device TEXT NOT NULL,
    settings TEXT NOT NULL CHECK (json_valid(settings)),
    predicted_bytes INTEGER NOT NULL,
    measured_bytes INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX memory_measurements_by_time ON memory_measurements (computer, time_ms);
  CREATE TRIGGER memory_measured AFTER INSERT ON memory_measurements BEGIN
    INSERT INTO changes (topic, id) VALUES ('memory', new.id);
  END;

  CREATE TABLE load_settings (
    model_id TEXT PRIMARY KEY REFERENCES models (id) ON DELETE CASCADE,
    settings TEXT NOT NULL CHECK (json_valid(settings))
  ) STRICT;
  `,
  `
  -- What each token of an answer could have been, as deflated JSON: it is read alone, and many times as long as the answer.
  CREATE TABLE message_tokens (
    message_id TEXT PRIMARY KEY REFERENCES messages (id) ON DELETE CASCADE,
    tokens BLOB NOT NULL
  ) STRICT;
  `,
];
