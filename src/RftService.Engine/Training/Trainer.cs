using System.Diagnostics;
using Microsoft.Extensions.Logging;
using RftService.Engine.Algorithms;
using RftService.Engine.Checkpoints;
using RftService.Engine.Data;
using RftService.Engine.Models;
using RftService.Engine.Native;
using RftService.Engine.Rollouts;
using RftService.Engine.Tokenization;
using RftService.Engine.Training.Guidance;
using RftService.Engine.Training.Replay;
using static TorchSharp.torch;

namespace RftService.Engine.Training;

/// <summary>Trains one run from its first step, or from a checkpoint, to its end.</summary>
public static partial class Trainer
{
    /// <summary>
    /// Runs on the calling thread until the run is done. On the CPU with the same number of threads a run that was stopped and
    /// resumed gives the same weights and metrics, bit for bit, as one that was not.
    /// </summary>
    /// <param name="spec">The run.</param>
    /// <param name="sink">Where it reports.</param>
    /// <param name="logger">Ids and counts only.</param>
    /// <param name="cancellation">Stops it between micro-batches and while sampling; what was done since the last checkpoint is lost.</param>
    /// <exception cref="TrainingException">A fault that the client can act on.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static void Run(RunSpec spec, IRunSink sink, ILogger logger, CancellationToken cancellation) =>
        Run(spec, sink, logger, new RunStop(CancellationToken.None, CancellationToken.None, cancellation));

    /// <inheritdoc cref="Run(RunSpec, IRunSink, ILogger, CancellationToken)" />
    /// <param name="spec">The run.</param>
    /// <param name="sink">Where it reports.</param>
    /// <param name="logger">Ids and counts only.</param>
    /// <param name="stop">Stops it; a cancelled run keeps what it has trained.</param>
    public static void Run(RunSpec spec, IRunSink sink, ILogger logger, RunStop stop)
    {
        NativeTorch.Load();
        Heap.ReturnLargeBlocks(spec.Recipe.RecomputeActivations); // or the heap would keep what is saved
        try
        {
            using var scope = NewDisposeScope();
            Start(spec, sink, logger, stop);
        }
        catch (ModelFolderException fault)
        {
            throw new TrainingException(
                TrainingFault.ModelUnreadable, $"{fault.File} {fault.Pointer}: {fault.Message}", fault.Remedy, fault);
        }
        finally
        {
            Heap.ReturnFreed();
        }
    }

    private static void Start(RunSpec spec, IRunSink sink, ILogger logger, RunStop stop)
    {
        var recipe = spec.Recipe;
        var algorithm = AlgorithmCatalog.Create(recipe.Algorithm);
        if (!algorithm.Accepts.Contains(spec.Kind))
        {
            throw new InvalidOperationException(
                $"{AlgorithmCatalog.EntryOf(recipe.Algorithm).Name} accepts {string.Join(", ", algorithm.Accepts)}, got {spec.Kind}.");
        }

        if (algorithm.NeedsExperts && spec.ExpertRows is null)
        {
            throw new InvalidOperationException($"{AlgorithmCatalog.EntryOf(recipe.Algorithm).Name} needs expert rows beside its prompts.");
        }

        // Log-probs are those of the distribution that was sampled from; the likelihood of given text is that of the model itself.
        var given = spec.Kind is DataKind.Expert or DataKind.Preferences;
        var temperature = given || recipe.Sampling.Temperature == 0 ? 1.0 : recipe.Sampling.Temperature;
        if (spec.ModelSha256 is { } expected && ModelFolder.Fingerprint(spec.ModelFolder) != expected)
        {
            throw new TrainingException(
                TrainingFault.ModelChanged,
                "The model's files have changed since it was registered.",
                "Put the files back, or register the folder as a new model and submit the run on it.");
        }

        var torchDevice = device(spec.Device);
        var started = Stopwatch.GetTimestamp();
        var state = spec.ResumeFrom is { } checkpoint ? Reopen(checkpoint, sink) : Fresh(recipe);
        using var model = ModelCatalog.Load(spec.ModelFolder, spec.Device, recipe.Lora, recipe.Seed, recipe.Freeze);
        using var optimizer = recipe.Optimizer.Create(model.Trainable);
        if (spec.ResumeFrom is not null)
        {
            CheckpointStore.Restore(spec.ResumeFrom, model, optimizer);
        }

        using var reference = new ReferencePolicy(
            model, () => ModelCatalog.Load(spec.ModelFolder, spec.Device, lora: null, recipe.Seed), temperature);
        if (spec.ResumeFrom is { } resumed)
        {
            reference.Restore(resumed);
        }

        var tokenizer = Tokenizer.Load(spec.ModelFolder);
        var encoder = new PromptEncoder(tokenizer, model.Config.ContextLength);
        using var sampler = new Sampler(model, tokenizer);
        var lags = recipe.Asynchrony is { Lags: true };
        if (lags && spec.Kind != DataKind.Prompts)
        {
            throw new InvalidOperationException($"Nothing is sampled on {spec.Kind}: the recipe must not have asynchrony.");
        }

        using var behavior = lags ? new BehaviorPolicy(ModelCatalog.Load(spec.ModelFolder, spec.Device, recipe.Lora, recipe.Seed, recipe.Freeze)) : null;
        using var continuous = lags ? new ContinuousBatch(behavior!.Model, tokenizer) : null;
        using var behaviorSampler = lags ? new Sampler(behavior!.Model, tokenizer) : null;
        using var background = recipe.Asynchrony is { Staleness: > 0 } ? new BackgroundThread("rollouts") : null;
        var (tensors, seconds) = (model.Trainable.Count, Stopwatch.GetElapsedTime(started).TotalSeconds);
        LogReady(logger, tensors, state.Step + 1, seconds);

        var trainingStep = new TrainingStep(model, algorithm, optimizer, reference, recipe, temperature, torchDevice)
        {
            TokenBudget = state.MicroBatchTokens,
        };
        var history = new PassHistory(algorithm.Retirement, spec.Rows.Count) { Rows = state.Passes };
        var loop = new TrainingLoop(
            spec,
            sink,
            model,
            algorithm,
            optimizer,
            trainingStep,
            spec.Kind switch
            {
                DataKind.Prompts when background is not null =>
                    new PipelinedRollouts(spec, encoder, model, behavior!, continuous!, algorithm.RefillRounds, history, background),
                DataKind.Prompts => new SampledRollouts(spec, encoder, model, behavior, behaviorSampler ?? sampler, algorithm.RefillRounds, history),
                DataKind.Expert => new ExpertRollouts(spec, encoder),
                DataKind.Rollouts => new LoggedRollouts(spec, encoder, reference, torchDevice),
                DataKind.Preferences => new LoggedPreferences(spec, encoder, algorithm.NeedsWeights),
            },
            history,
            algorithm.NeedsExperts && algorithm.Guidance is not (TeacherGuidance or TruthGuidance) ? new ExpertSource(spec.ExpertRows!, recipe.Seed, encoder) : null,
            IGuidance.Of(algorithm.Guidance, spec, encoder, sampler, new PolicyForward(model, temperature), torchDevice),
            IReplay.Of(algorithm.Replay, recipe.Seed, state.Replay),
            reference,
            recipe.Evaluation is { } evaluation && spec.EvaluationRows is not null
                ? new Evaluation(
                    spec, evaluation, encoder, sampler, new PolicyForward(model, temperature),
                    new HeldOutPairs(spec, algorithm, encoder, trainingStep),
                    HeldOutRollouts.Of(spec, evaluation, encoder, reference, new PolicyForward(model, temperature), torchDevice), torchDevice)
                : null,
            new CheckpointStore(spec.CheckpointFolder, spec.ModelFolder),
            state);
        loop.Run(stop);
    }

    private static TrainerState Fresh(Recipe recipe) => new()
    {
        MicroBatchTokens = recipe.MicroBatchTokens,
        Threads = get_num_threads(),
        Libraries = TrainerState.CurrentLibraries,
    };

    private static TrainerState Reopen(string checkpoint, IRunSink sink)
    {
        var state = CheckpointStore.Open(checkpoint);
        var (then, now) = (Environment(state.Threads, state.Libraries), Environment(get_num_threads(), TrainerState.CurrentLibraries));
        if (then != now)
        {
            sink.Notice(new RunNotice(
                NoticeLevel.Info,
                "environment_changed",
                $"The checkpoint was made with {then}; the run goes on with {now}. Training goes on as well, but not bit for bit.",
                state.Step));
        }

        return state with { Threads = get_num_threads(), Libraries = TrainerState.CurrentLibraries };
    }

    private static string Environment(int threads, IReadOnlyDictionary<string, string> libraries) =>
        string.Join(", ", libraries.OrderBy(pair => pair.Key, StringComparer.Ordinal).Select(pair => $"{pair.Key} {pair.Value}").Prepend($"{threads} threads"));

    [LoggerMessage(Level = LogLevel.Information, Message = "Model with {Tensors} trained tensors ready after {Seconds:F1} s; first step {Step}")]
    private static partial void LogReady(ILogger logger, int tensors, int step, double seconds);
}
