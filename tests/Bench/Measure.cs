using System.Diagnostics;
using System.Globalization;
using TorchSharp;

namespace RftService.Bench;

/// <summary>Medians of repeated timings and the machine's own speed to compare them with.</summary>
internal static class Measure
{
    /// <summary>Median seconds of an action after one warm-up.</summary>
    public static double Seconds(int repeats, Action action)
    {
        action();
        var times = new double[repeats];
        for (var i = 0; i < repeats; i++)
        {
            var clock = Stopwatch.StartNew();
            action();
            times[i] = clock.Elapsed.TotalSeconds;
        }

        return Median(times);
    }

    /// <summary>Some measurements of seconds, taken by turns so that a busy machine hits all of them.</summary>
    public static Turns Paired(int repeats, params Func<double>[] measurements)
    {
        var times = measurements.Select(_ => new double[repeats]).ToArray();
        for (var i = -1; i < repeats; i++)
        {
            foreach (var (index, one) in measurements.Index())
            {
                var seconds = one();
                if (i >= 0)
                {
                    times[index][i] = seconds;
                }
            }
        }

        return new Turns(times);
    }

    /// <summary>Seconds of each measurement in each turn.</summary>
    public sealed class Turns(double[][] times)
    {
        /// <summary>Median seconds of a measurement.</summary>
        public double this[int index] => Median([.. times[index]]);

        /// <summary>Median over the turns of one measurement's seconds over another's: what changes from one turn to the next does not count.</summary>
        public double Ratio(int index, int other) => Median([.. times[index].Zip(times[other], (one, two) => one / two)]);
    }

    /// <summary>Seconds of processor time: what other programs take of the machine does not count. For work of one thread.</summary>
    public static double Cpu(Action action)
    {
        var before = Environment.CpuUsage.TotalTime;
        action();
        return (Environment.CpuUsage.TotalTime - before).TotalSeconds;
    }

    /// <summary>Operations of <see cref="Product"/>.</summary>
    public const double ProductWork = 2.0 * Side * Side * Side;

    private const long Side = 2048;
    private static readonly torch.Tensor[] Factors = [torch.rand(Side, Side).DetachFromDisposeScope(), torch.rand(Side, Side).DetachFromDisposeScope()];

    /// <summary>A float32 matrix product of 2048 x 2048.</summary>
    public static void Product()
    {
        using var scope = torch.NewDisposeScope();
        using var off = torch.no_grad();
        Factors[0].matmul(Factors[1]);
    }

    /// <summary>Float32 matrix product of 2048 x 2048, floating-point operations a second.</summary>
    public static double GemmRate()
    {
        const long n = 2048;
        using var scope = torch.NewDisposeScope();
        using var off = torch.no_grad();
        var (a, b) = (torch.rand(n, n), torch.rand(n, n));
        return 2.0 * n * n * n / Seconds(5, () => a.matmul(b).Dispose());
    }

    public static string Number(double value, string format = "F1") => value.ToString(format, CultureInfo.InvariantCulture);

    private static double Median(double[] times)
    {
        Array.Sort(times);
        return times[times.Length / 2];
    }
}
