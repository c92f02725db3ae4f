using Npgsql;

namespace RftService.Worker.Queue;

/// <summary>Which faults of the database are worth a second try.</summary>
internal static class DatabaseFaults
{
    /// <summary>True for a lost connection, a restart, a failover, a deadlock: not for what is wrong with the statement.</summary>
    public static bool PassByThemselves(Exception fault) => fault.GetBaseException() switch
    {
        PostgresException answer => answer.IsTransient || answer.SqlState is "57P01" or "57P02" or "57P03", // shut down, crashed, starting
        NpgsqlException connection => connection.IsTransient,
        System.Net.Sockets.SocketException or EndOfStreamException => true,
        _ => false,
    };
}
