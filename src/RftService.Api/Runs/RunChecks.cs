using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using RftService.Api.Http;
using RftService.Api.Models;
using RftService.Data;
using RftService.Data.Datasets;
using RftService.Data.Models;
using RftService.Data.Rewards;
using RftService.Engine;
using RftService.Engine.Algorithms;
using RftService.Engine.Models;

namespace RftService.Api.Runs;

/// <summary>
/// Everything that can be known to be wrong with a run before it is submitted. All faults are collected, so that a client mends them
/// in one go; the rows are read only when nothing else is wrong.
/// </summary>
internal sealed class RunChecks(RftDbContext db, Caller caller, RowChecks rows)
{
    private readonly List<ProblemError> _errors = [];
    private readonly List<string> _notes = [];
    private readonly HashSet<string> _derived = new(StringComparer.Ordinal);

    /// <summary>The draft, or what is wrong. An instance checks one request.</summary>
    public async Task<(RunDraft? Draft, ProblemResult? Refusal)> CheckAsync(
        CreateRunRequest request, IReadOnlySet<string> given, CancellationToken cancellation)
    {
        var model = await FindModelAsync(request.Model, cancellation);
        if (model is not null && ModelReadiness.Refusal(model) is { } notReady)
        {
            return (null, notReady);
        }

        var dataset = await FindDatasetAsync(request.DatasetId, "/dataset_id", cancellation);
        var evaluation = request.EvaluationDatasetId is { } held ? await FindDatasetAsync(held, "/evaluation_dataset_id", cancellation) : null;
        var expert = request.ExpertDatasetId is { } written ? await FindDatasetAsync(written, "/expert_dataset_id", cancellation) : null;
        var reward = await FindRewardAsync(request, cancellation);

        CheckKinds(request, dataset, evaluation);
        CheckWeighting(request, dataset);
        CheckExperts(request, expert);
        CheckReward(request, dataset, evaluation);
        var recipe = CheckRecipe(request.Recipe, model, given);
        if (_errors.Count > 0 || model is null || dataset is null)
        {
            return (null, Problems.Unprocessable("run_refused", _errors));
        }

        var draft = new RunDraft(request, model, dataset, evaluation, expert, reward, recipe) { Derived = _derived, Notes = _notes };
        _notes.AddRange(await rows.CheckAsync(draft, _errors, cancellation));
        return _errors.Count > 0 ? (null, Problems.Unprocessable("rows_refused", _errors)) : (draft, null);
    }

    private void Refuse(string pointer, string code, string message) => _errors.Add(new ProblemError(pointer, code, message));

    private async Task<BaseModel?> FindModelAsync(string name, CancellationToken cancellation)
    {
        var models = db.Models.AsNoTracking().Where(model => model.ProjectId == caller.ProjectId);
        var found = PublicId.Model.TryParse(name, out var id)
            ? await models.SingleOrDefaultAsync(model => model.Id == id, cancellation)
            : await models.SingleOrDefaultAsync(model => model.Name == name, cancellation);
        if (found is null)
        {
            Refuse("/model", "unknown_model", $"no model '{name}' in this project: GET /api/v1/models lists them, POST registers one");
        }

        return found;
    }

    private async Task<Dataset?> FindDatasetAsync(string text, string pointer, CancellationToken cancellation)
    {
        var found = PublicId.Dataset.TryParse(text, out var id)
            ? await db.Datasets.AsNoTracking()
                .SingleOrDefaultAsync(dataset => dataset.Id == id && dataset.ProjectId == caller.ProjectId && dataset.DeletedAt == null, cancellation)
            : null;
        if (found is null)
        {
            Refuse(pointer, "unknown_dataset", $"no dataset '{text}' in this project: GET /api/v1/datasets lists them");
        }

        return found;
    }

    private async Task<RewardVersion?> FindRewardAsync(CreateRunRequest request, CancellationToken cancellation)
    {
        if (request.RewardId is not { } text)
        {
            if (request.RewardVersion is not null)
            {
                Refuse("/reward_version", "reward_missing", "a version without a reward: give reward_id too, or leave the version out");
            }

            return null;
        }

        var reward = PublicId.Reward.TryParse(text, out var id)
            ? await db.Rewards.AsNoTracking()
                .SingleOrDefaultAsync(one => one.Id == id && one.ProjectId == caller.ProjectId && one.DeletedAt == null, cancellation)
            : null;
        if (reward is null)
        {
            Refuse("/reward_id", "unknown_reward", $"no reward '{text}' in this project: GET /api/v1/rewards lists them");
            return null;
        }

        var version = request.RewardVersion ?? reward.LatestVersion;
        var found = await db.RewardVersions.AsNoTracking().SingleOrDefaultAsync(one => one.RewardId == id && one.Version == version, cancellation);
        if (found is null)
        {
            Refuse("/reward_version", "unknown_reward_version", $"the reward has versions 1 to {reward.LatestVersion}, got {version}");
        }

        return found;
    }

    private void CheckKinds(CreateRunRequest request, Dataset? dataset, Dataset? evaluation)
    {
        // The rule itself, not its catalog entry: what `custom` takes depends on its options.
        var name = AlgorithmCatalog.EntryOf(request.Recipe.Algorithm).Name;
        var accepted = AlgorithmCatalog.Create(request.Recipe.Algorithm).Accepts.Select(kind => JsonNamingPolicy.SnakeCaseLower.ConvertName(kind.ToString())).ToList();
        if (dataset is not null && !accepted.Contains(dataset.Kind))
        {
            Refuse("/dataset_id", "wrong_dataset_kind",
                $"{name} learns from {string.Join(" or ", accepted)}, the dataset holds {dataset.Kind}: take another dataset or another algorithm");
        }

        if (request.Recipe.Asynchrony is not null && dataset is not null && dataset.Kind != DatasetKinds.Prompts)
        {
            Refuse("/recipe/asynchrony", "nothing_sampled", $"nothing is sampled on {dataset.Kind} rows: leave asynchrony out, or take a dataset of prompts");
        }

        if (request.Recipe.Evaluation is not null && request.EvaluationDatasetId is null)
        {
            Refuse("/evaluation_dataset_id", "evaluation_dataset_missing",
                "recipe.evaluation needs held-out rows: give evaluation_dataset_id, or leave the evaluation out");
        }
        else if (request.Recipe.Evaluation is null && request.EvaluationDatasetId is not null)
        {
            Refuse("/recipe/evaluation", "evaluation_missing",
                "evaluation_dataset_id is given, but no evaluation: add recipe.evaluation ({} takes the defaults), or leave the dataset out");
        }
        else if (evaluation is not null and not { Kind: DatasetKinds.Prompts or DatasetKinds.Expert or DatasetKinds.Rollouts } && !RanksPairs(dataset, evaluation))
        {
            Refuse("/evaluation_dataset_id", "wrong_dataset_kind",
                $"an evaluation needs prompts, expert rows or logged rollouts (or preferences, where the run learns from them), the dataset holds {evaluation.Kind}");
        }
    }

    private void CheckWeighting(CreateRunRequest request, Dataset? dataset)
    {
        if (request.Recipe.ReturnWeighting is not null && dataset is not null and not { Kind: DatasetKinds.Rollouts })
        {
            Refuse("/recipe/return_weighting", "return_weighting_unused",
                $"only logged rollouts can be drawn by their reward, the dataset holds {dataset.Kind}: leave return_weighting out");
        }
    }

    private void CheckExperts(CreateRunRequest request, Dataset? expert)
    {
        var name = AlgorithmCatalog.EntryOf(request.Recipe.Algorithm).Name;
        var needed = AlgorithmCatalog.Create(request.Recipe.Algorithm).NeedsExperts;
        if (needed && request.ExpertDatasetId is null)
        {
            Refuse("/expert_dataset_id", "expert_dataset_missing",
                $"{name} learns from expert rows beside the prompts: give expert_dataset_id (a dataset of kind expert)");
        }
        else if (!needed && request.ExpertDatasetId is not null)
        {
            Refuse("/expert_dataset_id", "expert_dataset_unused",
                $"{name} takes no expert rows beside its dataset: leave expert_dataset_id out, or take chord, ampo or temp-samp, or a custom rule with experts");
        }
        else if (expert is not null and not { Kind: DatasetKinds.Expert })
        {
            Refuse("/expert_dataset_id", "wrong_dataset_kind", $"expected a dataset of kind expert, the dataset holds {expert.Kind}");
        }
    }

    // Held-out pairs are ranked by the rule itself: nothing is sampled, so nothing needs to be graded.
    private static bool RanksPairs(Dataset? dataset, Dataset? evaluation) =>
        dataset?.Kind == DatasetKinds.Preferences && evaluation?.Kind == DatasetKinds.Preferences;

    private void CheckReward(CreateRunRequest request, Dataset? dataset, Dataset? evaluation)
    {
        var samples = dataset?.Kind == DatasetKinds.Prompts;
        var evaluates = request.Recipe.Evaluation is not null;
        if (request.RewardId is null && samples)
        {
            Refuse("/reward_id", "reward_missing", "completions are sampled on prompts and must be graded: give reward_id (POST /api/v1/rewards makes one)");
        }
        else if (request.RewardId is null && evaluates && !RanksPairs(dataset, evaluation) && evaluation?.Kind != DatasetKinds.Rollouts)
        {
            Refuse("/reward_id", "reward_missing", "the evaluation's completions must be graded: give reward_id, or leave recipe.evaluation out");
        }
        else if (request.RewardId is not null && dataset is not null && !samples && !evaluates)
        {
            var why = dataset.Kind == DatasetKinds.Rollouts ? "the logged rollouts carry their own rewards" : $"nothing is sampled on {dataset.Kind} rows";
            Refuse("/reward_id", "reward_unused", $"{why}: leave reward_id out, or add recipe.evaluation and an evaluation dataset");
        }
    }

    private Recipe CheckRecipe(Recipe recipe, BaseModel? model, IReadOnlySet<string> given)
    {
        const string maxTokens = "/recipe/sampling/max_tokens";
        if (model is not null && recipe.Sampling.MaxTokens >= model.ContextLength)
        {
            if (given.Contains(maxTokens))
            {
                Refuse(maxTokens, "exceeds_context",
                    $"prompt and completion must fit into the model's {model.ContextLength} tokens: expected at most {model.ContextLength - 1}, got {recipe.Sampling.MaxTokens}");
            }
            else
            {
                // The default is made for larger models; half of the context leaves room for the prompt.
                recipe = recipe with { Sampling = recipe.Sampling with { MaxTokens = Math.Max(1, model.ContextLength / 2) } };
                _derived.Add(maxTokens);
                if (recipe.Sampling.Interruption?.MaxTokens >= recipe.Sampling.MaxTokens)
                {
                    Refuse("/recipe/sampling/interruption/max_tokens", "exceeds_max_tokens",
                        $"expected less than sampling.max_tokens, which is {recipe.Sampling.MaxTokens} for this model when left out, got {recipe.Sampling.Interruption.MaxTokens}");
                }
            }
        }

        if (recipe.Evaluation is { Temperature: null } evaluation)
        {
            recipe = recipe with { Evaluation = evaluation with { Temperature = recipe.Sampling.Temperature } };
            _derived.Add("/recipe/evaluation/temperature");
        }

        if (recipe.Steps <= recipe.Optimizer.WarmupSteps)
        {
            _notes.Add($"optimizer.warmup_steps ({recipe.Optimizer.WarmupSteps}) reach to the end of the {recipe.Steps} steps: the peak rate is never held.");
        }

        CheckLora(recipe.Lora, model);
        return recipe;
    }

    private void CheckLora(LoraSpec? lora, BaseModel? model)
    {
        var known = model is null ? ModelCatalog.LoraTargets : ModelCatalog.LoraTargetsOf(model.Family);
        for (var i = 0; i < (lora?.TargetModules.Count ?? 0); i++)
        {
            var name = lora!.TargetModules[i];
            if (!known.Contains(name))
            {
                Refuse($"/recipe/lora/target_modules/{i}", "unknown_module", $"no linear layer '{name}'; known: {string.Join(", ", known)}");
            }
            else if (lora.TargetModules.Take(i).Contains(name))
            {
                Refuse($"/recipe/lora/target_modules/{i}", "duplicate_module", $"'{name}' is given twice");
            }
        }
    }
}
