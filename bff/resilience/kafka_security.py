"""Authentication between the client and Kafka: TLS and SASL settings from the environment.

Public: `security_of`, `KafkaInsecure`.
"""

from collections.abc import Mapping
from pathlib import Path

PROTOCOLS = ("plaintext", "ssl", "sasl_plaintext", "sasl_ssl")
MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")


class KafkaInsecure(ValueError):
    """The settings do not make a connection; the message names the setting and never the value of a secret."""


def security_of(environment: Mapping[str, str]) -> dict[str, str]:
    """Settings of librdkafka; empty where the environment asks for none. Raises `KafkaInsecure`."""
    protocol = environment.get("KAFKA_SECURITY_PROTOCOL", "plaintext").lower() or "plaintext"
    sasl = {
        "sasl.mechanism": environment.get("KAFKA_SASL_MECHANISM", ""),
        "sasl.username": environment.get("KAFKA_SASL_USERNAME", ""),
        "sasl.password": environment.get("KAFKA_SASL_PASSWORD", ""),
    }
    files = {
        "ssl.ca.location": environment.get("KAFKA_SSL_CA_FILE", ""),
        "ssl.certificate.location": environment.get("KAFKA_SSL_CERTIFICATE_FILE", ""),
        "ssl.key.location": environment.get("KAFKA_SSL_KEY_FILE", ""),
    }
    if protocol not in PROTOCOLS:
        raise KafkaInsecure(f"KAFKA_SECURITY_PROTOCOL is one of {', '.join(PROTOCOLS)}.")
    encrypted, signs_in = protocol.endswith("ssl"), protocol.startswith("sasl")
    if any(files.values()) and not encrypted:
        raise KafkaInsecure("KAFKA_SSL_… files are set and KAFKA_SECURITY_PROTOCOL is not ssl or sasl_ssl.")
    if any(sasl.values()) and not signs_in:
        raise KafkaInsecure("KAFKA_SASL_… is set and KAFKA_SECURITY_PROTOCOL is not sasl_ssl or sasl_plaintext.")
    if signs_in:
        _check_sasl(sasl)
    _check_files(files)
    chosen = {name: value for name, value in {**sasl, **files}.items() if value}
    return {"security.protocol": protocol, **chosen} if encrypted or signs_in else {}


def _check_sasl(sasl: Mapping[str, str]) -> None:
    if sasl["sasl.mechanism"] not in MECHANISMS:
        raise KafkaInsecure(f"KAFKA_SASL_MECHANISM is one of {', '.join(MECHANISMS)}.")
    if not (sasl["sasl.username"] and sasl["sasl.password"]):
        raise KafkaInsecure("KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD are both needed to sign in.")


def _check_files(files: Mapping[str, str]) -> None:
    for name, path in files.items():
        if path and not Path(path).is_file():
            raise KafkaInsecure(f"There is no file at {path}, which is set for {name}.")
    if bool(files["ssl.certificate.location"]) != bool(files["ssl.key.location"]):
        raise KafkaInsecure("KAFKA_SSL_CERTIFICATE_FILE and KAFKA_SSL_KEY_FILE go together.")
