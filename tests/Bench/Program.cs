using System.Globalization;
using RftService.Bench;
using RftService.Bench.Replication;
using RftService.Engine.Native;
using TorchSharp;

// Run by hand on a quiet machine:  OMP_NUM_THREADS=1 dotnet run -c Release --project tests/Bench -- train 0.9M
if (args is ["grade"])
{
    await GradeBench.RunAsync();
    return 0;
}

NativeTorch.Load();
var threads = int.Parse(Environment.GetEnvironmentVariable("OMP_NUM_THREADS") ?? "1", CultureInfo.InvariantCulture);
torch.set_num_threads(threads);
var shape = RandomModel.Shapes.SingleOrDefault(candidate => args is [_, var name] && candidate.Name == name);
if (args is ["load"])
{
    LoadBench.Run();
    return 0;
}

if (args is ["replication", .. var rest])
{
    return ReplicationBench.Run(rest);
}

if (args is ["memory"])
{
    MemoryBench.Run();
    return 0;
}

if (args is ["steps", var steps])
{
    StepsBench.Run(int.Parse(steps, CultureInfo.InvariantCulture));
    return 0;
}

if (args is ["estimate", var estimated, var size, var how])
{
    EstimateBench.Compare(RandomModel.Shapes.Single(candidate => candidate.Name == estimated), size, how);
    return 0;
}

if (shape is not null && args[0] == "estimate")
{
    EstimateBench.Run(shape);
    return 0;
}

if (shape is not null && args[0] == "optimizer")
{
    OptimizerBench.Run(shape);
    return 0;
}

if (shape is not null && args[0] == "peer")
{
    PeerBench.Run(shape);
    return 0;
}

if (shape is not null && args[0] == "prefix")
{
    PrefixBench.Run(shape);
    return 0;
}

if (shape is null || args[0] is not ("train" or "decode"))
{
    Console.Error.WriteLine($"load, memory, replication, grade, steps N, or train|decode|prefix|peer|optimizer|estimate {string.Join('|', RandomModel.Shapes.Select(candidate => candidate.Name))}");
    return 2;
}

var gemm = Measure.ProductWork / Measure.Paired(5, () => Measure.Cpu(Measure.Product))[0];
Console.WriteLine($"{threads} thread(s), GEMM {Measure.Number(gemm / 1e9)} GFLOP/s in this process");
if (args[0] == "train")
{
    TrainingBench.Run(shape);
}
else
{
    DecodeBench.Run(shape);
}

return 0;
