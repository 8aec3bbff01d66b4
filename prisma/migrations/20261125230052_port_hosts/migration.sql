-- CreateTable
CREATE TABLE "port_host" (
    "label" TEXT NOT NULL,
    "attempt_id" UUID NOT NULL,
    "session_id" UUID NOT NULL,
    "port" INTEGER NOT NULL,
    "cookie_hash" TEXT,
    "created_at" TIMESTAMPTZ(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "port_host_pkey" PRIMARY KEY ("label")
);

-- CreateIndex
CREATE UNIQUE INDEX "port_host_attempt_id_session_id_port_key" ON "port_host"("attempt_id", "session_id", "port");

-- AddForeignKey
ALTER TABLE "port_host" ADD CONSTRAINT "port_host_attempt_id_fkey" FOREIGN KEY ("attempt_id") REFERENCES "attempt"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "port_host" ADD CONSTRAINT "port_host_session_id_fkey" FOREIGN KEY ("session_id") REFERENCES "session"("id") ON DELETE CASCADE ON UPDATE CASCADE;
