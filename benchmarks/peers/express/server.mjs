// A front door as many Node services have it: Express checks the request, one row goes into
// Postgres, and BullMQ gets the job. The row and the job are two writes, so a crash between them
// loses the job; that is the design, not a fault of this file.

import { randomUUID } from "node:crypto";

import { Queue } from "bullmq";
import express from "express";
import { Redis } from "ioredis";
import pg from "pg";

const { BENCH_API_KEY, BENCH_BROKER_URL, BENCH_CONNECTIONS, BENCH_DATABASE_URL, BENCH_PORT } =
  process.env;

const pool = new pg.Pool({ connectionString: BENCH_DATABASE_URL, max: Number(BENCH_CONNECTIONS) });
const broker = new Redis(BENCH_BROKER_URL, { maxRetriesPerRequest: null });
const queue = new Queue("tasks", { connection: broker });
const COLUMNS = "id, type, payload, status, priority, created_at";

await pool.query(`
  CREATE TABLE IF NOT EXISTS task (
    id uuid PRIMARY KEY, type text NOT NULL, payload jsonb NOT NULL, status text NOT NULL,
    priority int NOT NULL, created_at timestamptz NOT NULL DEFAULT now());
  CREATE INDEX IF NOT EXISTS task_created ON task (created_at DESC, id DESC);
`);

function shown(row) {
  return {
    id: row.id,
    type: row.type,
    payload: row.payload,
    status: row.status,
    priority: row.priority,
    createdAt: row.created_at,
  };
}

const app = express();
app.disable("x-powered-by");

app.get("/health/live", (request, response) => response.json({ status: "ok" }));

app.use((request, response, next) => {
  if (request.headers.authorization !== `Bearer ${BENCH_API_KEY}`) {
    return response.status(401).json({ detail: "The API key is unknown." });
  }
  next();
});

app.post("/tasks", express.json(), async (request, response) => {
  const { type, payload = {}, priority = 0 } = request.body ?? {};
  if (typeof type !== "string" || typeof payload !== "object" || !Number.isInteger(priority)) {
    return response.status(422).json({ detail: "A task has a type and a payload." });
  }
  const id = randomUUID();
  const { rows } = await pool.query({
    name: "insert-task",
    text: `INSERT INTO task (id, type, payload, status, priority)
           VALUES ($1, $2, $3, 'PENDING', $4) RETURNING ${COLUMNS}`,
    values: [id, type, payload, priority],
  });
  await queue.add(type, { taskId: id, payload }, { jobId: id, attempts: 3 });
  response.status(201).json(shown(rows[0]));
});

app.get("/tasks", async (request, response) => {
  const limit = Math.min(Number(request.query.limit ?? 20), 100);
  const { rows } = await pool.query({
    name: "list-tasks",
    text: `SELECT ${COLUMNS} FROM task ORDER BY created_at DESC, id DESC LIMIT $1`,
    values: [limit],
  });
  response.json({ data: rows.map(shown) });
});

app.get("/tasks/:id", async (request, response) => {
  const { rows } = await pool.query({
    name: "get-task",
    text: `SELECT ${COLUMNS} FROM task WHERE id = $1`,
    values: [request.params.id],
  });
  if (rows.length === 0) {
    return response.status(404).json({ detail: "There is no such task." });
  }
  response.json(shown(rows[0]));
});

const server = app.listen(Number(BENCH_PORT), "127.0.0.1");
process.on("SIGTERM", async () => {
  server.close();
  await Promise.allSettled([queue.close(), pool.end()]);
  broker.disconnect();
  process.exit(0);
});
