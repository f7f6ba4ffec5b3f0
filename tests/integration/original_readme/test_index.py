"""Where each part of the TypeScript original's README is tested: its headings in order, each with its tests.

The onboarding system's tests, and a few others, are where the code that they test would lead one to look.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import pytest

TESTS: Final = Path(__file__).parents[2]
HERE: Final = "integration/original_readme/test_jobs.py"
FLOWS: Final = "integration/original_readme/test_flows.py"
BOARD: Final = "integration/dashboard/test_bull_board.py"
STARTED: Final = "integration/jobs/test_onboarding.py"
ORCHESTRATOR: Final = "unit/jobs/test_onboard_team.py"
EMAILS: Final = "unit/jobs/test_onboarding_emails.py"
EXAMPLE: Final = "unit/jobs/test_usage_example.py"

INDEX: Final[dict[str, list[str]]] = {
    "Key Features: Type Safety": [
        f"{HERE}::test_key_features_type_safety",
        "typing/test_inference.py::test_the_inferred_types_are_those_that_are_asserted",
    ],
    "Key Features: Flow Support": [f"{FLOWS}::test_flows_simple_parallel_flow"],
    "Key Features: Clean API": [f"{HERE}::test_quick_start_2_simple_trigger"],
    "Key Features: Auto-Registry": [f"{HERE}::test_key_features_auto_registry"],
    "Key Features: Scalable": [f"{HERE}::test_key_features_auto_registry"],
    "Key Features: Testable": [f"{HERE}::test_testing_jobs_execute"],
    "Key Features: Context-Based": [f"{HERE}::test_context_object"],
    "Architecture": [f"{HERE}::test_quick_start_1_define_a_job"],
    "Quick Start, 1. Define a Job": [f"{HERE}::test_quick_start_1_define_a_job"],
    "Quick Start, 2. Trigger the Job: simple": [f"{HERE}::test_quick_start_2_simple_trigger"],
    "Quick Start, 2. Trigger the Job: with options": [f"{HERE}::test_quick_start_2_with_options"],
    "Quick Start, 2. Trigger the Job: batch": [f"{HERE}::test_quick_start_2_batch_trigger"],
    "Quick Start, 2. Trigger the Job: delayed": [f"{HERE}::test_quick_start_2_delayed_trigger"],
    "Quick Start, 2. Trigger the Job: recurring": [f"{HERE}::test_quick_start_2_recurring_trigger"],
    "Quick Start, 3. Export Your Jobs": [f"{HERE}::test_key_features_auto_registry"],
    "Flows: Simple Parallel Flow": [f"{FLOWS}::test_flows_simple_parallel_flow"],
    "Flows: Serial Chain": [f"{FLOWS}::test_flows_serial_chain"],
    "Flows: Access Children Results": [f"{FLOWS}::test_flows_access_children_results"],
    "Onboarding: the complete sequence": [
        f"{STARTED}::test_a_user_on_trial_gets_the_whole_sequence_in_order",
        f"{EXAMPLE}::test_starting_a_sequence",
    ],
    "Onboarding: at once, after 3, 14 and 30 days": [
        f"{ORCHESTRATOR}::test_the_four_emails_go_out_at_once_and_after_3_14_and_30_days"
    ],
    "Onboarding: 5 separate jobs": [f"{EXAMPLE}::test_loading_the_package_registers_the_six_jobs_and_starts_nothing"],
    "Onboarding: individual retry policies": [f"{EMAILS}::test_each_email_has_a_retry_policy_of_its_own"],
    "Onboarding: custom timing per user": [
        f"{ORCHESTRATOR}::test_the_timing_is_that_of_the_users_tier",
        f"{EXAMPLE}::test_starting_a_sequence_with_another_timing",
    ],
    "Onboarding: A/B testing": [
        "unit/jobs/test_sequence.py::test_any_user_id_has_a_variant_and_keeps_it",
        f"{EMAILS}::test_the_variants_differ_and_each_has_its_templates",
    ],
    "Onboarding: easy testing of individual steps": [
        f"{EMAILS}::test_a_step_runs_with_a_plain_fake_and_a_plain_session"
    ],
    "Project Structure: team-invite": [
        "unit/jobs/test_team_invite.py::test_the_invitation_names_the_team_and_who_invites"
    ],
    "Project Structure: usage-example and README": [f"{EXAMPLE}::test_the_readmes_python_runs"],
    "Project Structure: queues/documents": [f"{HERE}::test_project_structure_queue_specific_configuration"],
    "Environment Setup": [f"{HERE}::test_environment_setup"],
    "Development: Start the Worker": [
        "acceptance/test_dev.py::test_dev_runs_jobs_on_an_embedded_redis_and_an_embedded_database"
    ],
    "Development: Add a New Job": [f"{HERE}::test_key_features_auto_registry"],
    "Development: Create Complex Workflows": [f"{FLOWS}::test_flows_access_children_results"],
    "Testing Jobs": [f"{HERE}::test_testing_jobs_execute"],
    "Context Object": [f"{HERE}::test_context_object"],
    "Monitoring: Logging": [
        f"{HERE}::test_context_object",
        "acceptance/test_run.py::test_in_production_every_line_of_a_job_is_json_with_its_ids",
    ],
    "Monitoring: Metrics": [f"{HERE}::test_monitoring_and_observability"],
    "Monitoring: BullMQ Dashboard": [
        f"{BOARD}::test_bull_board_lists_queues_with_their_jobs_by_state",
        f"{BOARD}::test_bull_board_shows_a_jobs_log_and_its_queues_metrics",
        f"{BOARD}::test_bull_board_shows_workers_schedules_and_flows",
    ],
    "Monitoring: Type Safety": [
        "integration/execution/test_execution.py"
        "::test_an_invalid_stored_payload_fails_at_once_with_its_field_paths_and_keeps_its_data"
    ],
    "API Reference: job(id, schema, handler, options?)": [f"{HERE}::test_quick_start_1_define_a_job"],
    "API Reference: Job Instance Methods": [
        f"{HERE}::test_quick_start_2_simple_trigger",
        f"{HERE}::test_quick_start_2_batch_trigger",
        f"{HERE}::test_quick_start_2_delayed_trigger",
        f"{HERE}::test_quick_start_2_recurring_trigger",
        f"{FLOWS}::test_flows_serial_chain",
    ],
    "API Reference: Flow Helpers": [f"{FLOWS}::test_api_reference_flow_helpers"],
}


def names_in(path: str) -> set[str]:
    """The names of the tests in a file, which is read and not imported."""
    tree = ast.parse((TESTS / path).read_text("utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in tree.body if isinstance(node, functions) and node.name.startswith("test_")}


@pytest.mark.parametrize("part", INDEX)
def test_each_part_of_the_original_readme_has_tests_that_exist(part: str) -> None:
    assert INDEX[part]
    for test in INDEX[part]:
        path, _, name = test.partition("::")
        assert name in names_in(path), test


def test_each_test_of_the_original_readme_is_in_the_index() -> None:
    listed = {test for tests in INDEX.values() for test in tests}
    for path in (HERE, FLOWS, BOARD):
        assert {f"{path}::{name}" for name in names_in(path)} <= listed
