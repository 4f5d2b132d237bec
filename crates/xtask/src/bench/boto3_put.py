"""Reads a query and puts its rows, 500 at a time: what a user would write with boto3."""

import json
import sys

import boto3
import psycopg
from botocore.config import Config

source, query, endpoint, stream = sys.argv[1:]
kinesis = boto3.client(
    "kinesis",
    endpoint_url=endpoint,
    region_name="eu-central-1",
    aws_access_key_id="bench",
    aws_secret_access_key="bench",
    config=Config(retries={"max_attempts": 1}),
)


def put(records):
    while records:
        answer = kinesis.put_records(StreamName=stream, Records=records)
        results = answer["Records"]
        records = [record for record, result in zip(records, results) if "ErrorCode" in result]


with psycopg.connect(source) as connection, connection.cursor(name="rows") as cursor:
    cursor.itersize = 5_000
    cursor.execute(query)
    names = [column.name for column in cursor.description]
    records = []
    for row in cursor:
        message = json.dumps(dict(zip(names, row)), default=str)
        records.append({"Data": message.encode(), "PartitionKey": str(row[0])})
        if len(records) == 500:
            put(records)
            records = []
    put(records)
