# SPDX-License-Identifier: Apache-2.0
"""docker/ and k8s/ say what the programs say of themselves.

Each program is asked: --options-json for its options, --check for whether it would start with the
environment that compose and Kubernetes give it. The formats are judged by their own linters and
schemas. Nothing here needs a network or an engine.
"""

import os
import pathlib
import re
import sys
import tempfile
import unittest

import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "harness"))
from programs import (  # noqa: E402
    BARE,
    HEALTH_PORTS,
    HTTP_PORTS,
    TABLES,
    Lonely,
    kafka_property_fault,
    port_of,
    row,
    run,
    variables,
)
from stack import BIN_DIR, SERVICES, SOURCE_DIR  # noqa: E402

VENV_BIN = pathlib.Path(sys.executable).parent
DOCKER, K8S = SOURCE_DIR / "docker", SOURCE_DIR / "k8s"
BASE = K8S / "base"
# The oldest Kubernetes that numbers the pods of a StatefulSet by label, and the newest known.
KUBERNETES_VERSIONS = ("1.28.0", "1.37.0")
# docs/operating.md, "How much memory"
RESIDENT, BYTES_A_DELIVERY, BYTES_AN_ID, BYTES_A_CELL = 64 << 20, 1400, 40, 200
STOP_SECONDS = 30  # common/service/service.c: closing, after draining
OTHERS = ("kafka", "registry")  # what compose runs beside our own programs
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
PROJECT_VERSION = re.search(
    r"project\(\S+ VERSION (\S+)", (SOURCE_DIR / "CMakeLists.txt").read_text()
).group(1)
KAFKA_VERSION = re.search(
    r"<artifactId>kafka_[^<]*</artifactId>.*?<version>([^<]+)<",
    (SOURCE_DIR / "tests/stack/pom.xml").read_text(),
    re.DOTALL,
).group(1)
REGISTRY_VERSION = re.search(
    r"apicurio-registry-app:([^:]+):", (SOURCE_DIR / "tests/stack/setup.sh").read_text()
).group(1)


# ---- what the programs make of the environment they are given


class Environment(unittest.TestCase):
    """Shared by compose and Kubernetes."""

    def check_environment(self, where, program, environment, mounted):
        """`mounted`: folders and files that exist in the container."""
        known = variables(program)
        for name, value in environment.items():
            with self.subTest(where=where, variable=name):
                if name.startswith("KAFKA_"):
                    self.assertIsNone(kafka_property_fault(name, value))
                    if name.endswith(("_LOCATION", "_FILE")):
                        self.assert_mounted(value, mounted)
                    continue
                self.assertIn(name, known, f"no option of {program}")
                if name.endswith("_FILE"):
                    self.assert_mounted(value, mounted)
                else:
                    self.assertFalse(known[name]["secret"], "a secret in plain sight: use _FILE")
        if program in SERVICES:
            self.check_start(where, program, environment)

    def assert_mounted(self, path, mounted):
        self.assertTrue(
            any(path == one or path.startswith(one.rstrip("/") + "/") for one in mounted),
            f"{path} is in none of {sorted(mounted)}",
        )

    def check_start(self, where, program, environment):
        """--check takes it: also the values are right."""
        with tempfile.TemporaryDirectory() as holder:
            secret = pathlib.Path(holder, "secret")
            secret.write_text(
                "postgres://tracker@database/tracker\n"
                if program == "tracker"
                else WEBHOOK_SECRET + "\n"
            )
            given = dict(BARE)
            for name, value in environment.items():
                if name.startswith("KAFKA_SSL_"):
                    continue  # names files of the container
                if value.startswith("/var/"):  # a folder of the container
                    value = str(pathlib.Path(holder, pathlib.Path(value).name))
                given[name] = str(secret) if name.endswith("_FILE") else value
            done = run(BIN_DIR / program, "--check", env=given)
            self.assertEqual(done.returncode, 0, f"{where}: {program} --check: {done.stdout}")
            listen = environment.get("HEALTH_LISTEN", "")
            self.assertEqual(listen, f"0.0.0.0:{HEALTH_PORTS[program]}", where)
            if program in HTTP_PORTS:
                listen = environment.get(f"{program.upper()}_LISTEN", "")
                self.assertEqual(listen, f"0.0.0.0:{HTTP_PORTS[program]}", where)

    def assert_grace(self, where, program, environment, seconds):
        drain = environment.get("DRAIN_TIMEOUT_MS", row(program, "drain-timeout-ms")["default"])
        self.assertGreater(seconds, int(drain) / 1000 + STOP_SECONDS, where)

    def assert_fits(self, where, program, environment, limit):
        """What it may hold by its own bounds is less than what it may have: past the limit it would
        be killed, and again whenever it had read as much back."""

        def bound(name):
            one = row(program, name)
            return int(environment.get(one["environment"], one["default"]))

        held = 0
        if program == "dispatcher":  # up to a quarter more when much is due soon
            held = bound("pending-max") * 5 // 4 * BYTES_A_DELIVERY
        elif program == "router":
            partitions = int(row("referralctl", "referrals-partitions")["default"])
            pathways = len(list((SOURCE_DIR / "schemas/pathways").iterdir()))
            held = bound("remember-most") * partitions * pathways * BYTES_AN_ID
        elif program == "aggregator":
            held = bound("cells") * BYTES_A_CELL
        self.assertLess(RESIDENT + held, limit, where)

    def assert_linted(self, *command):
        done = run(VENV_BIN / command[0], *command[1:])
        self.assertEqual(done.returncode, 0, f"{command[0]}:\n{done.stdout}")


# ---- docker/


def copied(text, dockerfile_line):
    """Sources of the COPY lines that come from the repository."""
    return [
        source
        for sources in re.findall(dockerfile_line, text, re.M)
        for source in sources.split()[:-1]
    ]


class Docker(Environment):
    def setUp(self):
        self.dockerfile = (DOCKER / "Dockerfile").read_text()
        self.compose = yaml.safe_load((DOCKER / "compose.yaml").read_text())
        self.services = self.compose["services"]

    def test_linters_find_nothing(self):
        self.assert_linted("hadolint", DOCKER / "Dockerfile")
        self.assert_linted("yamllint", "--strict", "--config-file", K8S / "yamllint.yaml", DOCKER)
        self.assert_linted(
            "check-jsonschema", "--builtin-schema", "vendor.compose-spec", DOCKER / "compose.yaml"
        )

    def test_what_the_dockerfile_copies_is_there_and_in_the_build_context(self):
        allowed = [
            line[1:]
            for line in (SOURCE_DIR / ".dockerignore").read_text().splitlines()
            if line.startswith("!")
        ]
        sources = copied(self.dockerfile, r"^COPY (?!--from)(.*)$")
        self.assertIn("common", sources)
        for source in sources:
            self.assertTrue((SOURCE_DIR / source).exists(), source)
            self.assertIn(source, allowed, ".dockerignore lets it through")
        for source in allowed:
            self.assertIn(source, sources, ".dockerignore lets through what nobody copies")

    def test_the_image_runs_as_nobody_in_particular_and_stops_when_told(self):
        last = self.dockerfile.split("\nFROM ")[-2:]
        self.assertRegex(last[0], r"\nUSER [1-9]\d*:[1-9]\d*\n")
        self.assertIn("\nSTOPSIGNAL SIGTERM\n", last[0])
        self.assertIn("\nENV SCHEMAS_DIR=", last[0])
        self.assertIn("HEALTHCHECK", last[1])
        for secret in (one for table in TABLES.values() for one in table if one["secret"]):
            self.assertNotIn(secret["environment"], self.dockerfile)

    def test_compose_builds_and_runs_every_program_that_there_is(self):
        folders = {path.parent.name for path in SOURCE_DIR.glob("services/*/main.c")}
        built = {}
        for name, service in self.services.items():
            if name not in OTHERS:
                built[name] = service["build"]["args"]["SERVICE"]
                self.assertEqual(
                    service["image"], f"referral-router/{built[name]}:{PROJECT_VERSION}"
                )
        self.assertEqual(set(built.values()), folders)
        for name in ("topics", "schemas"):
            self.assertEqual(built.pop(name), "referralctl")
            self.assertEqual(self.services[name]["build"]["target"], "program")
        for name, program in built.items():
            self.assertEqual(name, program)
            self.assertEqual(self.services[name]["build"]["target"], "service")
        self.assertEqual(self.services["kafka"]["image"], f"apache/kafka:{KAFKA_VERSION}")
        self.assertEqual(
            self.services["registry"]["image"], f"apicurio/apicurio-registry-mem:{REGISTRY_VERSION}"
        )
        for name in ("registry", "schemas"):
            self.assertEqual(self.services[name]["profiles"], ["registry"])

    def test_what_compose_sets_the_programs_know(self):
        for name, service in self.services.items():
            if name in OTHERS:
                continue
            environment = {
                key: re.sub(r"\$\{[^:}]+:-([^}]*)\}", r"\1", value)
                for key, value in service["environment"].items()
            }
            mounted = {f"/run/secrets/{secret}" for secret in service.get("secrets", [])}
            for secret in service.get("secrets", []):
                self.assertIn(secret, self.compose["secrets"])
            program = service["build"]["args"]["SERVICE"]
            self.check_environment(f"compose {name}", program, environment, mounted)
            seconds = int(service["stop_grace_period"].removesuffix("s"))
            if program in SERVICES:
                self.assert_grace(f"compose {name}", program, environment, seconds)
                limit = int(service["mem_limit"].removesuffix("m")) << 20
                self.assert_fits(f"compose {name}", program, environment, limit)
                self.check_ports(name, service)

    def check_ports(self, name, service):
        ports = {HEALTH_PORTS[name], *filter(None, [HTTP_PORTS.get(name)])}
        self.assertEqual(
            set(service["ports"]), {f"127.0.0.1:{port}:{port}" for port in ports}, name
        )

    def test_what_compose_sets_for_kafka_its_broker_knows(self):
        done = run(
            "java", "-cp", SOURCE_DIR / ".deps/kafka/lib/*", "kafka.server.KafkaConfig"
        )
        known = set(re.findall(r'id="brokerconfigs_([a-z0-9._]+)"', done.stdout))
        self.assertIn("log.dirs", known, f"the broker's list of properties: {done.stdout[:500]}")
        for name in self.services["kafka"]["environment"]:
            key = name.removeprefix("KAFKA_").lower().replace("_", ".")
            self.assertIn(key, known, name)

    def test_services_begin_after_their_topics_and_have_no_more_rights_than_they_need(self):
        for name, service in self.services.items():
            for port in service.get("ports", []):
                self.assertTrue(port.startswith("127.0.0.1:"), f"{name}: {port}")
            for needed in service.get("depends_on", {}):
                self.assertIn(needed, self.services)
            if name in OTHERS:
                self.assertIn("healthcheck", service)
                continue
            self.assertTrue(service["read_only"], name)
            self.assertEqual(service["cap_drop"], ["ALL"], name)
            self.assertIn("no-new-privileges:true", service["security_opt"], name)
            if name == "schemas":
                continue  # it needs the registry only
            self.assertEqual(service["depends_on"]["kafka"]["condition"], "service_healthy")
            if name != "topics":
                self.assertEqual(
                    service["depends_on"]["topics"]["condition"], "service_completed_successfully"
                )

    def test_the_health_check_is_green_while_alive_and_red_when_not(self):
        with tempfile.TemporaryDirectory() as holder:
            check = pathlib.Path(holder, "healthcheck")
            text = (DOCKER / "healthcheck.sh").read_text()
            check.write_text(text.replace("/usr/local/bin", holder))
            check.chmod(0o755)
            pathlib.Path(holder, "program").symlink_to("router")
            pathlib.Path(holder, "router").symlink_to(BIN_DIR / "router")
            with Lonely("router") as lonely:
                port = port_of(lonely.listen)
                asked = {
                    "shared": {"HEALTH_LISTEN": f"0.0.0.0:{port}"},
                    "own name first": {
                        "ROUTER_HEALTH_LISTEN": lonely.listen,
                        "HEALTH_LISTEN": "127.0.0.1:1",
                    },
                }
                for what, variables_set in asked.items():
                    done = run(check, env={"PATH": os.environ["PATH"], **variables_set})
                    self.assertEqual(done.returncode, 0, f"{what}: {done.stdout}")
            done = run(check, env={"PATH": os.environ["PATH"], "HEALTH_LISTEN": f"0.0.0.0:{port}"})
            self.assertNotEqual(done.returncode, 0, "it is gone")
            # without a word in the environment, the program's own table says where to ask
            traced = run("bash", "-x", check, env={"PATH": os.environ["PATH"]})
            self.assertIn(f"port={HEALTH_PORTS['router']}\n", traced.stdout)


# ---- k8s/


def env_file(path):
    pairs = {}
    for line in path.read_text().splitlines():
        if line and not line.startswith("#"):
            name, value = line.split("=", 1)
            pairs[name] = value
    return pairs


def manifests():
    """(file, document) of each manifest of the base."""
    listed = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    return [
        (name, document)
        for name in listed
        for document in yaml.safe_load_all((BASE / name).read_text())
    ]


def walk(node, path=""):
    """(path, key, value) of every entry below."""
    pairs = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in pairs:
        yield path, key, value
        if isinstance(value, (dict, list)):
            yield from walk(value, f"{path}/{key}")


class Kubernetes(Environment):
    def setUp(self):
        self.kustomization = yaml.safe_load((BASE / "kustomization.yaml").read_text())
        self.all = manifests()
        self.maps = {
            one["name"]: {
                name: value
                for path in one["envs"]
                for name, value in env_file(BASE / path).items()
            }
            for one in self.kustomization["configMapGenerator"]
        }
        self.workloads = {
            document["metadata"]["name"]: document
            for _, document in self.all
            if document["kind"] in ("Deployment", "StatefulSet", "Job")
        }

    def pods(self):
        for name, workload in self.workloads.items():
            yield name, workload["spec"]["template"]

    def container(self, name):
        (one,) = self.workloads[name]["spec"]["template"]["spec"]["containers"]
        return one

    def environment(self, name, extra=()):
        """(name -> value of a container's environment; values from the pod as they would be)."""
        container, found = self.container(name), {}
        for source in container.get("envFrom", []):
            reference = source["configMapRef"]["name"]
            self.assertIn(reference, self.maps, name)
            found.update(self.maps[reference])
        for one in [*container.get("env", []), *extra]:
            if "valueFrom" in one:
                self.assertEqual(
                    one["valueFrom"]["fieldRef"]["fieldPath"],
                    "metadata.labels['apps.kubernetes.io/pod-index']",
                )
            found[one["name"]] = one.get("value", "0")
        return found

    def test_linters_and_schemas_find_nothing(self):
        self.assert_linted("yamllint", "--strict", "--config-file", K8S / "yamllint.yaml", K8S)
        files = [BASE / name for name in self.kustomization["resources"]]
        files += [
            component.parent / name
            for component in K8S.glob("components/*/kustomization.yaml")
            for name in yaml.safe_load(component.read_text()).get("resources", [])
        ]
        for version in KUBERNETES_VERSIONS:
            self.assert_linted(
                "kubernetes-validate", "--strict", "--kubernetes-version", version, *files
            )

    def test_every_file_belongs_to_the_base_or_a_component(self):
        for kustomization in K8S.glob("*/**/kustomization.yaml"):
            folder = kustomization.parent
            content = yaml.safe_load(kustomization.read_text())
            named = {"kustomization.yaml", *content.get("resources", [])}
            named.update(one["path"] for one in content.get("patches", []))
            for generator in content.get("configMapGenerator", []):
                named.update(generator["envs"])
            there = {
                str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()
            }
            self.assertEqual(named, there, folder)

    def test_there_is_no_namespace_no_secret_and_no_registry(self):
        for name, document in self.all:
            self.assertNotEqual(document["kind"], "Secret", name)
            self.assertNotIn("namespace", document["metadata"], name)
            for _, key, value in walk(document):
                if key == "image":
                    self.assertRegex(value, rf"^referral-router/[a-z]+:{PROJECT_VERSION}$")

    def test_every_program_has_its_workload(self):
        expected = {
            "gateway": ("Deployment", range(2, 10)),
            "router": ("StatefulSet", range(2, 10)),
            "dispatcher": ("StatefulSet", range(2, 10)),
            "aggregator": ("StatefulSet", [1]),
            "tracker": ("StatefulSet", [1]),
        }
        self.assertEqual(set(expected), set(SERVICES))
        self.assertEqual(set(self.workloads), {*SERVICES, "topics"})
        for name, (kind, replicas) in expected.items():
            workload = self.workloads[name]
            self.assertEqual(workload["kind"], kind, name)
            self.assertIn(workload["spec"]["replicas"], replicas, name)
            if kind == "StatefulSet":
                self.assertEqual(workload["spec"]["serviceName"], name)
            image = self.container(name)["image"]
            self.assertEqual(image, f"referral-router/{name}:{PROJECT_VERSION}")
        self.assertEqual(
            self.container("topics")["image"], f"referral-router/referralctl:{PROJECT_VERSION}"
        )

    def test_what_the_manifests_set_the_programs_know(self):
        for name, template in self.pods():
            program = "referralctl" if name == "topics" else name
            environment = self.environment(name)
            mounted = {
                one["mountPath"] for one in self.container(name)["volumeMounts"]
            }
            self.check_environment(f"k8s {name}", program, environment, mounted)
            if program in SERVICES:
                pod = template["spec"]
                limit = self.container(name)["resources"]["limits"]["memory"].removesuffix("Mi")
                self.assert_fits(f"k8s {name}", program, environment, int(limit) << 20)
                sleep = self.container(name).get("lifecycle", {}).get("preStop")
                wait = int(sleep["exec"]["command"][1]) if sleep else 0
                self.assert_grace(
                    f"k8s {name}",
                    program,
                    environment,
                    pod["terminationGracePeriodSeconds"] - wait,
                )
        for name in ("router", "dispatcher", "aggregator"):
            self.assertIn(
                "INSTANCE", {one["name"] for one in self.container(name).get("env", [])}, name
            )

    def test_the_tracker_may_have_its_rows_in_postgresql(self):
        patch = yaml.safe_load((K8S / "components/tracker-postgres/tracker.yaml").read_text())
        self.assertEqual(patch["metadata"]["name"], "tracker")
        (container,) = patch["spec"]["template"]["spec"]["containers"]
        self.assertEqual(container["name"], self.container("tracker")["name"])
        mounted = {one["mountPath"] for one in container["volumeMounts"] if "$patch" not in one}
        mounted.update(
            one["mountPath"]
            for one in self.container("tracker")["volumeMounts"]
            if one["name"] == "kafka-client"
        )
        environment = self.environment("tracker", container["env"])
        self.assertIn("TRACKER_DATABASE_URL_FILE", environment)
        self.check_environment("k8s tracker-postgres", "tracker", environment, mounted)

    def test_every_program_may_be_told_of_a_schema_registry(self):
        folder = K8S / "components/schema-registry"
        content = yaml.safe_load((folder / "kustomization.yaml").read_text())
        (generator,) = content["configMapGenerator"]
        given = env_file(folder / generator["envs"][0])
        operations = yaml.safe_load((folder / "services.yaml").read_text())
        patch = {one["path"]: one["value"] for one in operations}
        at = "/spec/template/spec/containers/0/"
        self.assertEqual(patch[at + "envFrom/-"]["configMapRef"]["name"], generator["name"])
        mount = patch[at + "volumeMounts/-"]
        self.assertEqual(mount["name"], patch["/spec/template/spec/volumes/-"]["name"])
        self.assert_mounted(given["SCHEMA_REGISTRY_CACHE"], [mount["mountPath"]])
        for name in SERVICES:
            for list_name in ("envFrom", "volumeMounts"):
                self.assertIn(list_name, self.container(name), f"{name}: nothing to add to")
            for variable in given:
                self.assertIn(variable, variables(name))
        job = yaml.safe_load((folder / "schemas.yaml").read_text())
        (container,) = job["spec"]["template"]["spec"]["containers"]
        self.assertEqual(container["image"], f"referral-router/referralctl:{PROJECT_VERSION}")
        self.assertEqual(container["args"], ["schema", "register"])
        (source,) = container["envFrom"]
        self.assertEqual(source["configMapRef"]["name"], generator["name"])

    def test_pods_have_no_more_rights_than_they_need(self):
        for name, template in self.pods():
            pod, container = template["spec"], self.container(name)
            with self.subTest(workload=name):
                self.assertIs(pod["enableServiceLinks"], False)
                self.assertIs(pod["automountServiceAccountToken"], False)
                context = pod["securityContext"]
                self.assertIs(context["runAsNonRoot"], True)
                self.assertGreater(context["runAsUser"], 0)
                self.assertEqual(context["seccompProfile"]["type"], "RuntimeDefault")
                context = container["securityContext"]
                self.assertIs(context["allowPrivilegeEscalation"], False)
                self.assertIs(context["readOnlyRootFilesystem"], True)
                self.assertEqual(context["capabilities"]["drop"], ["ALL"])
                self.assertIn("memory", container["resources"]["limits"])
                self.assertIn("cpu", container["resources"]["requests"])
                self.assertFalse(
                    any(key == "secretKeyRef" for _, key, _ in walk(pod)), "secrets are files"
                )
                volumes = {one["name"] for one in pod["volumes"]}
                claims = self.workloads[name]["spec"].get("volumeClaimTemplates", [])
                volumes.update(one["metadata"]["name"] for one in claims)
                self.assertEqual({one["name"] for one in container["volumeMounts"]}, volumes)

    def test_probes_ask_the_health_port(self):
        for name in SERVICES:
            container = self.container(name)
            ports = {one["name"]: one["containerPort"] for one in container["ports"]}
            expected = {"health": HEALTH_PORTS[name]}
            if name in HTTP_PORTS:
                expected["http"] = HTTP_PORTS[name]
            self.assertEqual(ports, expected, name)
            for probe, path in (("livenessProbe", "/livez"), ("readinessProbe", "/readyz")):
                self.assertEqual(
                    container[probe]["httpGet"], {"path": path, "port": "health"}, name
                )
            annotations = self.workloads[name]["spec"]["template"]["metadata"]["annotations"]
            self.assertEqual(annotations["prometheus.io/port"], str(HEALTH_PORTS[name]))

    def test_selectors_find_what_they_are_for(self):
        labels = {name: template["metadata"]["labels"] for name, template in self.pods()}
        ports = {
            name: {one["name"] for one in self.container(name).get("ports", [])}
            for name in self.workloads
        }
        budgets, policies = set(), set()
        for where, document in self.all:
            kind, name, spec = document["kind"], document["metadata"]["name"], document.get("spec")
            if kind in ("Deployment", "StatefulSet"):
                self.assertEqual(spec["selector"]["matchLabels"], labels[name], where)
            elif kind == "Service":
                self.assertEqual(spec["selector"], labels[name], where)
                for port in spec["ports"]:
                    self.assertIn(port["targetPort"], ports[name], where)
            elif kind == "PodDisruptionBudget":
                self.assertEqual(spec["selector"]["matchLabels"], labels[name], where)
                budgets.add(name)
            elif kind == "NetworkPolicy":
                wanted = spec["podSelector"]["matchLabels"].items()
                found = {one for one, has in labels.items() if wanted <= has.items()}
                self.assertEqual(found, {name} if name in labels else set(labels), where)
                policies.update(found)
        self.assertEqual(budgets, set(SERVICES))
        self.assertEqual(policies, set(self.workloads))


if __name__ == "__main__":
    unittest.main()
