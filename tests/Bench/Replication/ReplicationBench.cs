using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using RftService.Bench.Replication.Experiments;
using RftService.Engine.Algorithms;

namespace RftService.Bench.Replication;

/// <summary>
/// Published claims on the quickstart model's task, through the real trainer: `replication OUT [--seeds N] [--model FOLDER] [experiment…]`.
/// Finished runs are kept in OUT, so a bench that was stopped goes on, and the report is written anew after each of them.
/// </summary>
internal static class ReplicationBench
{
    private static readonly JsonSerializerOptions RecipeJson = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.SnakeCaseLower) },
        TypeInfoResolver = new DefaultJsonTypeInfoResolver { Modifiers = { AlgorithmCatalog.AddPolymorphism } },
    };

    private static readonly IReadOnlyList<Experiment> All =
    [
        FullyOffline.Experiment, OffPolicy.Experiment, Staleness.Experiment, ExpertMix.Own, ExpertMix.Foreign, ScaleRlParts.Experiment, ToprBaseline.Experiment, Saturation.Experiment,
    ];

    public static int Run(IReadOnlyList<string> args)
    {
        var (folder, model, seeds, names) = (args.Count == 0 ? null : args[0], "deploy/quickstart/model", 3, new List<string>());
        for (var i = 1; i < args.Count; i++)
        {
            switch (args[i])
            {
                case "--seeds": seeds = int.Parse(args[++i], CultureInfo.InvariantCulture); break;
                case "--model": model = args[++i]; break;
                default: names.Add(args[i]); break;
            }
        }

        var unknown = names.Except(All.Select(experiment => experiment.Name)).ToArray();
        if (folder is null || unknown.Length > 0 || !File.Exists(Path.Combine(model, "config.json")))
        {
            Console.Error.WriteLine("replication OUT [--seeds N] [--model FOLDER] [experiment...]; the model's default is deploy/quickstart/model");
            Console.Error.WriteLine($"experiments: {string.Join(' ', All.Select(experiment => experiment.Name))}");
            return 2;
        }

        IReadOnlyList<Experiment> chosen = [.. All.Where(experiment => names.Count == 0 || names.Contains(experiment.Name))];
        Run(chosen, seeds, new WordProblems(Path.GetFullPath(model), Path.Combine(folder, "data")), folder);
        return 0;
    }

    /// <summary>Recipe and kind of data as text: what the report shows and results are recognised by.</summary>
    public static string Describe(Arm arm) => JsonSerializer.Serialize(arm.Recipe, RecipeJson);

    /// <summary>The learning rule's options that differ from its defaults.</summary>
    public static string DescribeAlgorithm(Arm arm)
    {
        var given = JsonSerializer.SerializeToNode(arm.Recipe.Algorithm, RecipeJson)!.AsObject();
        var defaults = JsonSerializer.SerializeToNode(AlgorithmCatalog.EntryOf(arm.Recipe.Algorithm).Defaults, RecipeJson)!.AsObject();
        foreach (var name in given.Select(member => member.Key).ToArray())
        {
            if (name != "type" && given[name]?.ToJsonString() == defaults[name]?.ToJsonString())
            {
                given.Remove(name);
            }
        }

        return given.ToJsonString(RecipeJson);
    }

    private static void Run(IReadOnlyList<Experiment> experiments, int seeds, WordProblems task, string folder)
    {
        var runs = Directory.CreateDirectory(Path.Combine(folder, "runs")).FullName;
        // One seed of everything first: a bench that is cut short has something of every experiment.
        var arms = experiments.SelectMany(experiment => experiment.Arms).DistinctBy(arm => arm.Name).ToArray();
        var planned = Enumerable.Range(1, seeds).SelectMany(seed => arms.Select(arm => new Planned(arm, seed, runs))).ToArray();
        var done = planned.Select(run => run.Known()).OfType<ArmResult>().ToList();
        Report.Write(experiments, done, seeds, folder);
        foreach (var run in planned.Where(run => run.Known() is null))
        {
            var result = ArmRun.Run(run.Arm, run.Seed, run.Fingerprint, task);
            result.Save(run.File);
            done.Add(result);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{done.Count}/{planned.Length} {run.Arm.Name} seed {run.Seed}: {Score.Start.Of(result):P1} -> {Score.Final.Of(result):P1} in {result.Seconds:F0} s {result.Failure}"));
            Report.Write(experiments, done, seeds, folder);
        }
    }

    private sealed record Planned(Arm Arm, int Seed, string Folder)
    {
        public string File => Path.Combine(Folder, $"{Arm.Name}-{Seed}.json");

        public string Fingerprint { get; } = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{Arm.Kind} {Arm.WithExperts} {(Arm.ForeignExperts ? "foreign " : "")}{Describe(Arm)}")));

        /// <summary>Null when it has not been run, or with another recipe.</summary>
        public ArmResult? Known() => ArmResult.Load(File) is { } result && result.Fingerprint == Fingerprint ? result : null;
    }
}
