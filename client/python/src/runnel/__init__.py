# SPDX-License-Identifier: Apache-2.0
"""The Python client of Runnel: streaming jobs and live statistics.

    import runnel

    with runnel.Client("127.0.0.1:7400") as client:
        job = client.create_job("echo", text="hello")
        for event in client.watch(job.id):
            print(event)

Pure Python over stock protobuf. Results are messages of the schema
(proto/runnel/v1). Everything blocks; a client is used by one thread at a time.
"""
from .client import Client
from .errors import Code, Error
from .ingest import Ingest
from .worker import Stopped, Work, Worker

__all__ = ["Client", "Code", "Error", "Ingest", "Stopped", "Work", "Worker"]
